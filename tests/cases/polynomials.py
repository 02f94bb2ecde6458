"""Where to draw the arguments of funad.numpy.polynomials from."""

import hypothesis.strategies as st
import numpy as onp

import funad.numpy as np
from funad.numpy.polynomials import product
from funad.testing import Call, Case, arrays, call, case, shapes

from .manipulation import maybe, numbers, some

series = some(shapes(1, 1, 1, 4))


@st.composite
def _roots(draw):
    """Draw coefficients of polynomials with roots well apart, in size too: NumPy returns them in no order."""
    zeros = draw(arrays(st.sampled_from([(0,), (1,), (2,), (3,)]), 0.3, 3.0, distinct=True))
    zeros = zeros * draw(st.sampled_from([1.0, -1.0, 1j, 0.6 - 0.8j]))
    return Call((onp.atleast_1d(draw(st.sampled_from([8.0, -20.0])) * onp.poly(zeros)),))


CASES = {
    product: case(series, series),
    np.roots: Case(
        _roots(),
        frozenset(),
        (
            call([1.0, 0.0, 1.0]),
            call([1.0, -2.0, 0.0]),
            call(onp.array([3.0])),
            call([1.0, 2.0, 3.0, 4.0, 5.0]),
        ),
    ),
}

# --- the families of numpy.polynomial: of each, what has rules of its own


@st.composite
def _val(draw):
    """Draw points and series, one or several, that broadcast or stand for themselves."""
    x = draw(some(shapes(2)) | numbers)
    shape = onp.shape(x)
    c = draw(some(st.sampled_from([(1,), (2,), (4,), (3, 2), (2, 1, 2), (), (3, *shape), (2, 1)])))
    tensor = draw(st.booleans()) or not _broadcast(onp.shape(c)[1:], shape)
    return Call((x, c), {} if tensor and draw(st.booleans()) else {"tensor": tensor})


def _broadcast(*shapes):
    try:
        onp.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


@st.composite
def _linear(draw):
    c = draw(some(shapes(2, 1, 1)))
    return Call((c, draw(st.integers(0, 4)), draw(st.integers(-c.ndim, c.ndim - 1))))


@st.composite
def _roots_of(draw, module, prefix):
    """Draw series with roots well apart from each other, and not very far."""
    zeros = draw(arrays(st.sampled_from([(0,), (1,), (2,), (3,)]), distinct=True))
    zeros = zeros + 1j * draw(st.sampled_from([0.0, 0.7])) if draw(st.booleans()) else zeros
    c = getattr(module, f"{prefix}fromroots")(zeros)
    return Call((draw(st.sampled_from([8.0, -20.0])) * c / c[-1],))  # large, as against a step of differences


FAMILIES = {
    "poly": (np.polynomial.polynomial, onp.polynomial.polynomial),
    "cheb": (np.polynomial.chebyshev, onp.polynomial.chebyshev),
    "leg": (np.polynomial.legendre, onp.polynomial.legendre),
    "herm": (np.polynomial.hermite, onp.polynomial.hermite),
    "herme": (np.polynomial.hermite_e, onp.polynomial.hermite_e),
    "lag": (np.polynomial.laguerre, onp.polynomial.laguerre),
}
for prefix, (ours, plain) in FAMILIES.items():
    family = ours._family
    CASES[family._value] = Case(
        _val(), frozenset({"tensor"}), (call([0.5, 1.0], [1.0, 2.0, 3.0]), call(2.0, 1.5))
    )
    CASES[family.vander] = case(some(shapes(2)) | numbers, st.integers(0, 4))
    CASES[family.roots] = Case(_roots_of(plain, prefix))
    CASES[family._derivative] = Case(_linear(), frozenset(), (call(onp.zeros(1), 1, 0),))
    CASES[family._integral] = Case(
        _linear(), frozenset(), (call(onp.zeros(1), 1, 0), call(onp.zeros(3), 2, 0))
    )


# --- what is made of other functions


@st.composite
def _poly(draw):
    if draw(st.booleans()):
        return Call((draw(some(shapes(1, 1, 0, 4))),))
    return Call((onp.diag([1.0, 2.0, 3.5]) + 0.2 * draw(some((3, 3))),))


@st.composite
def _polydiv(draw):
    u, v = draw(series), draw(series)
    return Call((u, onp.concatenate([[1.5], v])[: draw(st.integers(1, 4))]))


@st.composite
def _polyint(draw):
    m = draw(st.integers(0, 3))
    k = draw(st.sampled_from([None, 0.5, [1.5], onp.array([0.5, 1.0, -1.0]), onp.array([2.0, 3.0, 4.0])]))
    return Call((draw(some(shapes(1, 1, 1, 4))),), {"m": m} | ({} if k is None or m == 0 else {"k": k}))


@st.composite
def _polyval(draw):
    return Call((draw(series), draw(some(shapes(2)) | numbers | st.just([0.5, 2.0]))))


@st.composite
def _polyfit(draw):
    n, deg = draw(st.integers(5, 7)), draw(st.integers(0, 2))
    x = draw(arrays((n,), distinct=True))
    y = draw(some((n,)) | arrays((n, 2)))
    how = draw(st.sampled_from([{}, {"full": True}, {"cov": True}, {"cov": "unscaled"}]))
    if y.dtype.kind == "c":  # NumPy's sums of squares are real there, its scales are not
        how = {}
    return Call(
        (x, y, deg),
        how | maybe(draw, w=draw(arrays((n,), 0.5, 2.0)), rcond=draw(st.sampled_from([None, 1e-12]))),
    )


COMPOSITES = {
    np.poly: Case(_poly(), frozenset(), (call([1j, -1j]), call([]))),
    np.polyadd: case(series, series | numbers),
    np.polyder: Case(
        case(series, m=st.integers(0, 4)).draw, frozenset({"m"}), (call([1.0, 2.0]), call([1.0], 2))
    ),
    np.polydiv: Case(
        _polydiv(),
        frozenset(),
        (call([1.0, 2.0], [3.0, 1.0, 2.0]), call([1.0, 2.0, 1.0], [1.0, 1.0]), call(3.0, 2.0)),
    ),
    np.polyfit: Case(_polyfit(), frozenset({"rcond", "full", "w", "cov"})),
    np.polyint: Case(_polyint(), frozenset({"m", "k"})),
    np.polymul: case(series, series | numbers),
    np.polysub: case(series, series | numbers),
    np.polyval: Case(_polyval(), frozenset(), (call([2.0], onp.ones((2, 0))), call([1.0, 2.0], 3))),
}
