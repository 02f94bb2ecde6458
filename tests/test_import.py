"""``import funad`` loads NumPy, itself and little else; what is heavy comes when it is asked for."""

import json
import os
import platform
import subprocess
import sys

import pytest

import funad

HEAVY = ("toolz", "hypothesis", "scipy", "matplotlib", "sklearn", "pytest", "autograd", "jax", "torch")


def loaded_after(statement):
    """Return the names of the modules that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout))


def test_importing_funad_loads_nothing_heavy_that_numpy_does_not():
    added = loaded_after("import funad, funad.numpy") - loaded_after("import numpy")
    assert not [name for name in added if name.partition(".")[0] in HEAVY]
    assert not added & {"numpy.fft", "numpy.random", "funad.libraries", "funad.traces.batch"}


COUNTING_PAGES = """
import resource, sys
exec(sys.argv[1])
import numpy
def arrays():
    return [numpy.ones(1 << 18) for _ in range(40)]
arrays()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    arrays()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have rules of their own")
def test_the_memory_of_freed_arrays_is_kept_for_the_next_ones():
    """400 arrays of 2 MB have 204,800 pages; 80 MB at once are more than glibc keeps by itself."""

    def pages(first):
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "FUNAD_"))
        }
        command = [sys.executable, "-c", COUNTING_PAGES, first]
        run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        return int(run.stdout)

    without = pages("import os; os.environ['FUNAD_FAST'] = '0'; import funad")
    assert pages("import funad") < 1000 < 100_000 < without


@pytest.mark.parametrize("name", ["curried", "testing", "errors", "optimizers"])
def test_a_module_that_is_loaded_late_is_found_as_an_attribute(name):
    assert f"funad.{name}" in loaded_after(f"import funad; funad.{name}")


def test_rules_are_checked_without_hypothesis_and_strategies_ask_for_it():
    added = loaded_after(
        "import sys; sys.modules.update(dict.fromkeys(['hypothesis', 'scipy', 'matplotlib']))\n"
        "from funad import *\n"
        "from funad import numpy\n"
        "from funad.testing import call, check_grads, check_vjp\n"
        "check_vjp(numpy.tanh, call(0.5)), check_grads(numpy.sin, (0.5,))\n"
        "try: testing.arrays()\n"
        "except ModuleNotFoundError as error: assert 'arrays draws with hypothesis' in str(error)\n"
        "else: raise AssertionError"
    )
    assert "funad.testing.checks" in added


def test_threads_that_meet_late_rules_at_once_wait_for_them():
    loaded_after(
        "import sys, threading, numpy\n"
        "from funad import grad\n"
        "sys.setswitchinterval(1e-6)\n"
        "start, done = threading.Barrier(16), []\n"
        "def run():\n"
        "    start.wait()\n"
        "    f = lambda x: numpy.sum(numpy.abs(numpy.fft.fft(x)) ** 2)\n"
        "    done.append(grad(f)(numpy.ones(3)).tolist())\n"
        "threads = [threading.Thread(target=run) for _ in range(16)]\n"
        "[thread.start() for thread in threads], [thread.join() for thread in threads]\n"
        "assert done == [[6, 6, 6]] * 16"
    )


def test_every_public_name_is_there():
    assert all(hasattr(funad, name) for name in funad.__all__)


def test_names_that_are_loaded_late_are_listed_before():
    loaded_after(
        "import funad, pydoc\n"
        "for module in (funad, funad.transforms): assert {*module.__all__} <= {*dir(module)}\n"
        "assert 'hessian' in pydoc.render_doc(funad)"
    )


@pytest.mark.parametrize("first", ["vmap", "j", "implicit"])
def test_a_transformation_is_itself_whatever_was_loaded_before(first):
    loaded_after(
        f"import importlib; importlib.import_module('funad.transforms.{first}')\n"
        "import funad\n"
        "from funad import transforms\n"
        "for module in (funad, transforms, funad.curried):\n"
        "    names = {*transforms.__all__} & {*module.__all__}\n"
        "    assert all(callable(getattr(module, name)) for name in names)"
    )


def test_sparse_derivatives_are_there_before_anything_else_was_asked_for():
    loaded_after(
        "import numpy\n"
        "from funad import jacobian\n"
        "found = jacobian(lambda x: x[1:] * x[:-1], sparse=True)(numpy.ones(5))\n"
        "assert found.shape == (4, 5) and found.nnz == 8"
    )


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="gradd"):
        funad.gradd  # noqa: B018
