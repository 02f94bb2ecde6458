"""The page of sparse derivatives tells the truth: its table of colours holds; test_docs runs its programs."""

import re
from pathlib import Path

import numpy as onp
import pytest

import funad
import funad.numpy as np
from funad import grad, sparsity

PAGE = (Path(funad.__file__).parent / "docs" / "howto" / "sparse.md").read_text(encoding="utf-8")


def _laplacian(u):
    z = np.pad(np.reshape(u, (100, 100)), 1)
    return np.ravel(z[:-2, 1:-1] + z[2:, 1:-1] + z[1:-1, :-2] + z[1:-1, 2:] - 4.0 * z[1:-1, 1:-1])


def _arrow(p):
    return np.sum(np.tanh(p[0] * p[1:]) ** 2) + np.sum(p**4)


@pytest.mark.parametrize(
    ("title", "f", "size"),
    [
        ("tridiagonal", lambda x: np.convolve(x**2, [1.0, -2.0, 1.0], "same"), 300),
        ("the five-point Laplacian on 100 × 100 points", _laplacian, 10_000),
        ("an arrow, 39 groups and one number that all share", grad(_arrow), 40),
    ],
)
def test_the_table_of_colours_holds(title, f, size):
    said = re.search(
        rf"^\| {re.escape(title)} \| .* \| (\d+)(?:; as a symmetric matrix (\d+))? \|$", PAGE, re.MULTILINE
    )
    pattern = sparsity(f, onp.linspace(0.5, 1.0, size))
    assert pattern.colours() == int(said[1])
    if said[2]:
        assert pattern.colours(symmetric=True) == int(said[2])
