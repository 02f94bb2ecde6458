"""Profiles of hypothesis: ``ci`` is derandomised, ``dev`` quick, ``deep`` for a night; and the examples."""

import importlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

_common = {"deadline": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("ci", max_examples=12, derandomize=True, database=None, **_common)
settings.register_profile("dev", max_examples=5, **_common)
settings.register_profile("deep", max_examples=300, **_common)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="module")
def example():
    """Return the function that imports an example by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent.parent / "examples")
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
