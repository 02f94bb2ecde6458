"""What is written out for speed gives the numbers of the general way, to the bit: fast.py can be left out.

Run as a program, this file prints the derivatives of random programs, one line each.
"""

import os
import random
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as onp
import pytest

import funad.numpy as fnp
from funad import boxes, fast, grad, hvp, jacfwd, jvp, value_and_grad

from .random_programs import Writer, program_of

SHAPES = [(3,), (2, 3), (3, 3), (4,), (1,), (2, 2, 2)]
COUNT = 120


def numbers(f, x, v):
    """Return what derivatives of f are, as bytes in text; of those that are refused, by what."""
    ways = {
        "reverse": lambda: value_and_grad(f)(x),
        "forward": lambda: jvp(f, (x,), (v,)),
        "over": lambda: hvp(f)(x, v),
        "columns": lambda: jacfwd(grad(f))(x),
    }
    for way, derive in ways.items():
        try:
            found = derive()
        except Exception as error:
            yield f"{way} {type(error).__name__}"
            continue
        parts = found if isinstance(found, tuple) else (found,)
        yield f"{way} {' '.join(onp.asarray(part, float).tobytes().hex() for part in parts)}"


def lines():
    """Iterate over the derivatives of random programs, always the same ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(COUNT):
            choose = random.Random(seed).randrange
            x = onp.random.default_rng(seed).normal(size=SHAPES[seed % len(SHAPES)])
            program = program_of(Writer(choose, x).write(5))
            v = onp.cos(onp.arange(1.0, x.size + 1)).reshape(x.shape)
            yield f"{seed} {' '.join(numbers(lambda x, program=program: program(fnp, x * 1.0), x, v))}"


def test_random_programs_have_the_same_numbers_without_what_is_written_for_speed():
    command = [sys.executable, "-m", "tests.test_fast"]
    other = {**os.environ, "FUNAD_FAST": "1" if os.environ.get("FUNAD_FAST") == "0" else "0"}
    here = Path(__file__).parent.parent
    found = subprocess.run(command, env=other, cwd=here, capture_output=True, text=True, check=True)
    wanted = list(lines())
    assert found.stdout.splitlines() == wanted
    assert sum("Error" in line for line in wanted) < COUNT / 10


@pytest.mark.skipif(os.environ.get("FUNAD_FAST") == "0", reason="it is left out")
def test_it_is_installed():
    assert boxes.Box.__mul__ is not boxes.Traced.__mul__
    assert fast.install.__module__ == "funad.fast"


if __name__ == "__main__":
    print("\n".join(lines()))
