"""The page on compile tells the truth: its programs run, and what it says runs as it is does."""

import doctest
import math
import re
from pathlib import Path

import numpy as onp
import pytest

import funad
from funad import compile

PAGE = (Path(funad.__file__).parent / "docs" / "compile.md").read_text(encoding="utf-8")


def test_its_programs_run_one_after_the_other():
    names = {}
    blocks = list(re.finditer(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
    assert len(blocks) > 6
    for block in blocks:
        line = PAGE[: block.start(1)].count("\n")
        test = doctest.DocTestParser().get_doctest(block[1], names, "compile.md", "compile.md", line)
        said = []
        result = doctest.DocTestRunner().run(test, out=said.append, clear_globs=False)
        assert not result.failed, "".join(said)
        names = test.globs


COUNT = [0]


def _grows(x):
    COUNT.append(1)
    return x * len(COUNT)


def _writes(x):
    x[0] = 1.0
    return x


@pytest.mark.parametrize(
    "f",
    [
        _grows,
        _writes,
        lambda x: x * float(x[0]),
        lambda x: math.sin(x[0]) * x,
        lambda x: x + onp.random.random(3),
    ],
)
def test_what_it_says_cannot_be_a_program_runs_as_it_is(f):
    fast = compile(f)
    for _ in range(3):
        fast(onp.arange(3.0))
    assert not fast.programs
    assert "eager" in fast.explain()
