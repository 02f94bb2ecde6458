"""The README tells the truth: its code runs, its names exist, its commands are one line each."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import funad

from . import pages

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def section(title):
    """Return the text under a heading."""
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_python_blocks_run_one_after_the_other():
    assert len(pages.blocks(README)) > 8
    pages.run("README.md", README, "readme")


def test_the_first_block_is_a_gradient_in_ten_lines():
    _, code = pages.blocks(README)[0]
    assert len(code.splitlines()) <= 10
    assert "grad(" in code


@pytest.mark.parametrize("does", ["examples/digits.py", "pytest"])
def test_each_set_up_command_is_one_line_that_makes_its_own_environment(does):
    commands = [code for _, code in pages.blocks(README, "sh") if does in code and "venv" in code]
    assert len(commands) == 1
    assert commands[0].count("\n") == 1
    assert commands[0].startswith("python3 -m venv .venv && .venv/bin/pip install ")


def test_the_table_of_transformations_is_complete():
    rows = re.findall(r"^\| (`.*?) \|", section("The transformations"), re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    public = {name for name in funad.transforms.__all__ if name != "j"}
    assert listed == public


def test_the_files_that_it_names_exist():
    names = re.findall(r"`((?:funad|examples|tests)/[\w/.]+|\.ci/run)`", README)
    assert names
    root = Path(__file__).parent.parent
    assert [name for name in names if not (root / name).exists()] == []


WALK = """
import json, sys
import funad
import funad.numpy as np
gradient = funad.grad(np.sin)
gradient(1.0)
called, lines = [], set()
def see(frame, event, _):
    name = frame.f_code.co_filename.replace("\\\\", "/").rpartition("/funad/")[2]
    if event == "call":
        called.append(("funad/" + name, frame.f_code.co_name))
    lines.add(("funad/" + name, frame.f_lineno))
    return see
sys.settrace(see)
gradient(1.0)
sys.settrace(None)
print(json.dumps([called, sorted(lines)]))
"""


def test_the_way_of_a_derivative_is_the_one_that_a_call_takes():
    steps = re.findall(
        r"\| .* \| `(\S+\.py)` \| (?:`(\w+)`|a line of its table) \|", section("The way of a derivative")
    )
    environment = {**os.environ, "FUNAD_FAST": "0"}
    found = subprocess.run([sys.executable, "-c", WALK], env=environment, capture_output=True, check=True)
    called, lines = json.loads(found.stdout)
    way = iter(map(tuple, called))
    assert len(steps) == 10
    for file, name in steps:
        assert (file, name or "<lambda>") in way  # after the step before
    assert sum(file in dict(steps) for file, _ in lines) < 230
