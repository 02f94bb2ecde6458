"""Programs that are refused, and the same written as the message advises: a table for each part of funad.

``test_advice`` runs both, and reads from the source which sentences of advice there are: each has a row.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import re
import warnings
from pathlib import Path

import numpy

import funad
import funad.numpy as np
from funad import grad, hessian, jvp, vjp
from funad.errors import FunadError

X = numpy.array([0.7, 1.3, 2.1])
V = numpy.array([1.0, -0.5, 0.3])


class Program:
    """A function of x that is refused, and how it is written instead, with the same derivatives.

    ``plain`` computes the same with plain numbers, if what is refused does not; ``by`` is the transformation
    that refuses. ``second`` is False where there is no second derivative to be had by differences.
    """

    def __init__(self, refused, *written, plain=None, by=None, second=True):
        self.refused, self.written = refused, written
        self.plain, self.by, self.second = plain or refused, by or by_grad, second

    def run(self):
        self.by(self.refused)

    def follow(self):
        for written in self.written:
            has_the_derivatives_of(self.plain, written, self.second)


class Call:
    """A call that is refused, and calls written instead, with what they give (None of what has no number)."""

    def __init__(self, refused, *written, gives):
        self.run, self.written, self.gives = refused, written, gives

    def follow(self):
        for written in self.written:
            found, wanted = written(), self.gives() if callable(self.gives) else self.gives
            if wanted is not None:
                numpy.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)


def by_grad(f):
    grad(lambda x: np.sum(f(x)))(X)


def by_jvp(f):
    jvp(f, (X,), (X,))


def by_hessian(f):
    hessian(lambda x: np.sum(f(x)))(X)


def message_of(row):
    """Return what is said of what is refused."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            row.run()
        except FunadError as error:
            return "\n".join([str(error), *getattr(error, "__notes__", ())])
        except (
            TypeError,
            ValueError,
            ImportError,
        ) as error:  # of Python's or NumPy's own kind, in funad's words
            return str(error)
    raise AssertionError("nothing was refused")


def gradient(f, x, step):
    """The gradient of f by central differences of the fourth order."""
    units = step * numpy.eye(x.size)
    return numpy.array(
        [(8 * (f(x + e) - f(x - e)) - (f(x + 2 * e) - f(x - 2 * e))) / (12 * step) for e in units]
    )


def has_the_derivatives_of(plain, written, second=True):
    """Hold the derivatives of the second, to second order, against differences of the first."""
    y = numpy.asarray(plain(X.copy()))
    numpy.testing.assert_allclose(vjp(written, X)[0], y, rtol=1e-7)
    w = numpy.cos(1.0 + numpy.arange(y.size)).reshape(y.shape)
    weighed = lambda x: float(numpy.real(numpy.sum(numpy.asarray(plain(x.copy())) * w)))
    ours = lambda x: np.real(np.sum(written(x) * w))
    first = lambda x: gradient(weighed, x, 1e-3)
    numpy.testing.assert_allclose(grad(ours)(X), first(X), rtol=1e-5, atol=1e-6)
    numpy.testing.assert_allclose(jvp(ours, (X,), (X,))[1], first(X) @ X, rtol=1e-5, atol=1e-6)
    if second:
        # Differences of differences: eps ** (1 / 6) of the fourth order leaves four digits.
        curvature = gradient(lambda x: first(x) @ V, X, 1e-2)
        for product in (funad.hvp(ours)(X, V), funad.vhp(ours)(X, V), hessian(ours)(X) @ V):
            numpy.testing.assert_allclose(product, curvature, rtol=2e-3, atol=2e-4)


# --- which sentences of advice there are

_VERBS = """
    add ask assemble begin call choose compare compute convert declare define differentiate divide draw
    end give go hold install join keep leave let look make move multiply name pass pip put raise register
    replace return rewrite run say scale select set sort split start sum take transform turn use wrap write
"""
_ADVICE = re.compile(rf"(?:^|[;,:.(] |\bor |\band )(?:{'|'.join(_VERBS.split())})\b")


@functools.cache
def sentences():
    """Return each text in the source of funad with advice in it, and where it stands: {text: place}.

    The texts of fast.py are code.
    """
    root = Path(funad.__file__).parent
    return {
        text: f"{path.relative_to(root.parent)}:{line}"
        for path in sorted(root.rglob("*.py"))
        for line, text in _texts(ast.parse(path.read_text(encoding="utf-8")))
        if " " in text and "\n" not in text and _ADVICE.search(text) and path.name != "fast.py"
    }


def _texts(tree):
    """Return the texts of a module but its docstrings, with {} for what is filled in, and their lines."""
    parts = [part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)]
    within = {id(part) for part in parts if not isinstance(part, ast.JoinedStr)}
    within |= {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef))
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in within:
            yield node.lineno, re.sub(r"\{\w*\}", "{}", node.value)


def is_said_in(text, message):
    """Say whether a message holds a text, whatever stands in the place of each {}."""
    at = 0
    for part in text.split("{}"):
        at = message.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True
