"""Imports go down: errors, tree and spaces, registry, tape and dual, boxes, ... as in the README."""

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import funad

ROOT = Path(funad.__file__).parent
FLOORS = [
    {"advice", "cpython"},
    {"errors", "floating", "memory", "places", "values"},
    {"tree", "spaces"},
    {"registry", "snapshots"},
    {"trace"},
    {"indices", "messages"},
    {"refusals"},
    {"foreign"},
    {"traces.strong_zeros"},
    {"boxes"},
    {"operators"},
    {"opaque"},
    {"duck_arrays"},
    {"writing"},
    {"traces.cotangents"},
    {"traces.reverse"},
    {"traces.forward"},
    {"overflows", "traces.pushforward"},
    {"kinked", "operands"},
    {"calling", "guarding"},
    {"traces.batch"},
    {"defining", "primitives", "traces.batch_fast"},
    {"fast"},
    {"traces.directions"},
    {"traces.infinitesimal"},
    {"traces.nearby"},
    {"containers"},
    {"numpy"},
    {"rules"},
    {"batching"},
    {"libraries"},
    {"compiling"},
    {"traces.symbolic"},
    {"tracing"},
    {"traces.program"},
    {"transforms"},
    {"scipy"},
    {"curried", "graphs", "optimizers", "testing"},
    {"", "traces"},  # funad/__init__.py and the folder of the interpreters
]
# What needs more than NumPy, and where alone it may stand.
ALLOWED = {
    "hypothesis": {"testing"},
    "toolz": {"curried", "graphs", "optimizers", "testing"},
    "scipy": {"scipy"},
    "matplotlib": {"graphs"},
    "numba": {"compiling"},
    "llvmlite": {"compiling"},
}
PEERS = {"autograd", "jax", "torch", "tensorflow"}


def module_name(path):
    """``funad.numpy.linalg`` of its file; a package is named after its folder."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def unit(module):
    """The name that stands on a floor: ``numpy`` of ``funad.numpy.linalg``; each interpreter has its own."""
    parts = module.removeprefix("funad").lstrip(".").split(".")
    return ".".join(parts[: 2 if parts[0] == "traces" else 1])


def floor(module):
    """The number of a module's floor, from the ground up."""
    found = [n for n, names in enumerate(FLOORS) if unit(module) in names]
    assert found, f"{module} stands on no floor: give it one here and in STYLE.md"
    return found[0]


def imports(module):
    """Every module that ``module`` imports, absolute, at whatever depth in its code."""
    path = FILES[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            # "from . import tree" imports the module funad.tree; "from .tree import map" does too.
            yield from {
                f"{base}.{alias.name}" if f"{base}.{alias.name}" in FILES else base for alias in node.names
            }


def own_imports(module):
    return {name for name in imports(module) if name in FILES}


@pytest.mark.parametrize("module", FILES)
def test_a_module_imports_from_lower_floors_only(module):
    higher = {
        name for name in own_imports(module) if unit(name) != unit(module) and floor(name) >= floor(module)
    }
    assert not higher, f"{module} imports {sorted(higher)}, which stand no lower than it does"


def test_no_module_imports_itself_by_a_detour():
    graph = {module: own_imports(module) - {module} for module in FILES}
    list(TopologicalSorter(graph).static_order())  # raises CycleError and names the modules


@pytest.mark.parametrize("module", FILES)
def test_no_import_stands_inside_a_function(module):
    tree = ast.parse(FILES[module].read_text(encoding="utf-8"))
    functions = [
        n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    ]
    lines = [n.lineno for f in functions for n in ast.walk(f) if isinstance(n, (ast.Import, ast.ImportFrom))]
    assert not lines, f"{module} imports inside a function, at lines {lines}"


@pytest.mark.parametrize("module", FILES)
def test_a_module_needs_only_what_it_may(module):
    outside = {name.partition(".")[0] for name in imports(module)} - {"funad"}
    assert not outside & PEERS
    own = outside - set(sys.stdlib_module_names) - {"numpy"}
    stray = {name for name in own if unit(module) not in ALLOWED.get(name, ())}
    assert not stray, f"{module} imports {sorted(stray)}"


# Where alone SciPy is loaded by its name in a string, when it is needed and if it is installed.
DOORS = {"funad.numpy.kernels"}


@pytest.mark.parametrize("module", [module for module in FILES if unit(module) != "scipy"])
def test_scipy_is_loaded_late_through_one_door(module):
    calls = [
        n for n in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))) if isinstance(n, ast.Call)
    ]
    loads = [
        n for n in calls if "import_module" in ast.unparse(n.func) and "'scipy" in ast.unparse(n.args[0])
    ]
    assert bool(loads) == (module in DOORS)


# How frames, tracebacks, references and bytecode are looked into.
OF_CPYTHON = ("_getframe", "f_back", "f_locals", "tb_next", "getrefcount", "get_instructions")


@pytest.mark.parametrize("module", sorted(set(FILES) - {"funad.cpython"}))
def test_one_file_knows_the_internals_of_cpython(module):
    tree = ast.parse(FILES[module].read_text(encoding="utf-8"))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not used & set(OF_CPYTHON)
