"""Profiles of hypothesis: ``ci`` is derandomised, ``dev`` quick, ``deep`` for a night; and the examples.

Tests write below tmp_path alone: one that leaves a file in the checkout fails.
"""

import gc
import importlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Each of pytest's workers has a core. With more threads, BLAS waits for them longer than small matrices take;
# it reads this as NumPy is loaded, which it is not yet.
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ["FUNAD_CACHE_DIR"] = ""  # no kernels in the user's own cache

_common = {"deadline": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("ci", max_examples=12, derandomize=True, database=None, **_common)
settings.register_profile("dev", max_examples=5, **_common)
settings.register_profile("deep", max_examples=300, **_common)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_collection_finish():
    """Keep the collector from the tests themselves, which are there to the end: half a second each time."""
    gc.collect()
    gc.freeze()


ROOT = Path(__file__).parent.parent
FOLDERS = (".", "examples", "funad", "funad/docs", "tests", "tests/data")


def entries(root):
    """Return what stands in the folders that a test could write into by chance: no caches, no programs."""
    found = {path.relative_to(root) for folder in FOLDERS for path in (root / folder).glob("*")}
    found = {path for path in found if not path.name.startswith((".", "__pycache__"))}
    return {path.as_posix() for path in found if path.suffix != ".py"}  # which people write meanwhile


@pytest.fixture(autouse=True, scope="module")
def _nothing_left_behind():
    before = entries(ROOT)
    yield
    assert entries(ROOT) <= before


@pytest.fixture(scope="module")
def example():
    """Return the function that imports an example by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "examples")
        yield importlib.import_module


@pytest.fixture
def run(example, tmp_path):
    """Return the function that runs the main of an example, sees its picture, and returns its figures."""

    def run(name, *arguments):
        picture = tmp_path / f"{name}.png"
        figures = example(name).main([*map(str, arguments), "--out", str(picture)])
        assert picture.read_bytes().startswith(b"\x89PNG")
        return figures

    return run
