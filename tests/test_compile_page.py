"""What the page on compile says runs as it is does so; test_docs runs its programs."""

import math

import numpy as onp
import pytest

from funad import compile

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
