"""The top level is what a user sees first: it holds nothing else, and no test leaves anything there."""

import shutil
import subprocess

import pytest

from .conftest import ROOT, entries

CARD = {"CHANGELOG.md", "LICENSE", "README.md", "examples", "funad", "pyproject.toml", "tests"}


def test_the_top_level_holds_the_card_of_the_project_alone():
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("only a clone knows which files are of the project")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    top = {path.partition("/")[0] for path in listed.splitlines()}
    assert {name for name in top if not name.startswith(".")} == CARD


def test_a_file_left_in_the_checkout_is_seen(tmp_path):
    before = entries(tmp_path)
    (tmp_path / ".pytest_cache").mkdir()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "new.py").touch()
    assert entries(tmp_path) == before
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "X.npy").touch()
    assert entries(tmp_path) - before == {"tests", "tests/X.npy"}
