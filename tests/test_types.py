"""What type checkers and editors are told: signatures, names, and what dir() lists."""

import importlib.util
import json
import pathlib
import subprocess
import sys

import numpy as onp
import pytest

import funad
import funad.numpy as fnp
import funad.scipy as fscipy

from . import stubs

ROOT = pathlib.Path(__file__).parents[1]
USES = ROOT / "tests" / "data" / "uses.py"
WRONG = {n: line for n, line in enumerate(USES.read_text().splitlines(), 1) if "# wrong" in line}


def mypy():
    """Return the lines that mypy complains of, with what it says."""
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--disable-error-code=misc",
        str(USES),
        "--no-pretty",
    ]
    done = subprocess.run([*command, "--output=json"], capture_output=True, text=True, cwd=ROOT)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {one["line"]: one["message"] for one in found if one["severity"] == "error"}


def pyright():
    """Return the lines that pyright complains of, with what it says."""
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--level=error", str(USES)]
    done = subprocess.run(
        [*command, f"--pythonpath={sys.executable}"], capture_output=True, text=True, cwd=ROOT
    )
    found = json.loads(done.stdout)["generalDiagnostics"]
    return {one["range"]["start"]["line"] + 1: one["message"] for one in found if one["severity"] == "error"}


@pytest.mark.parametrize(("module", "check"), [("mypy", mypy), ("basedpyright", pyright)])
def test_a_type_checker_complains_of_the_wrong_uses_alone(module, check):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is installed by pip install funad[dev]")
    found = check()
    assert {*found} == {*WRONG}, {n: found.get(n, WRONG.get(n)) for n in {*found} ^ {*WRONG}}
    names = ["no_such_function", "no_such_name"]
    for n, line in WRONG.items():
        assert all(name in found[n] for name in names if name in line)


@pytest.mark.parametrize("name", fscipy.MODULES)
def test_the_stubs_have_the_names_of_the_modules(name):
    path, text = stubs.stub(name)
    wanted = {line for line in text.splitlines() if line.startswith("from ")}
    # Names that another version of SciPy has may be missing here.
    listed = {line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("from ")}
    assert wanted <= listed


def test_the_stub_of_the_package_has_all_modules():
    text = (stubs.ROOT / "__init__.pyi").read_text(encoding="utf-8")
    assert all(f"from . import {name} as {name}\n" in text for name in fscipy.MODULES)


def test_dir_lists_the_public_names_alone():
    assert {*dir(funad)} == {*funad.__all__, "__version__"}
    assert {name for name in onp.__all__ if not name.startswith("_")} <= {*dir(fnp)}
    assert not any(name.startswith("_") for name in dir(fnp))
    for name in fscipy.MODULES:
        module = importlib.import_module(f"funad.scipy.{name}")
        assert {*dir(module)} == {*module.__all__}
