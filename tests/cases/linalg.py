"""Where to draw the arguments of funad.numpy.linalg from."""

import itertools

import hypothesis.strategies as st
import numpy as onp

import funad.numpy as np
from funad.numpy import linalg, ties
from funad.testing import Call, Case, arrays, call, case

SQUARE = st.sampled_from([(0, 0), (1, 1), (2, 2), (3, 3), (2, 3, 3), (0, 2, 2), (2, 1, 2, 2)])
# From three on, LAPACK may return eigenvalues in another order after a small step.
SMALL = st.sampled_from([(0, 0), (1, 1), (2, 2), (3, 2, 2), (0, 2, 2)])
KINDS = st.booleans()


@st.composite
def square(draw, shape=SQUARE, shift=3.0, complex=KINDS):
    """Matrices away from singular ones."""
    shape = draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    complex = draw(complex) if isinstance(complex, st.SearchStrategy) else complex
    return draw(arrays(shape, -1.0, 1.0, complex=complex)) + shift * onp.eye(shape[-1])


@st.composite
def apart(draw, shape, complex=KINDS):
    """Matrices with eigenvalues, or singular values, apart from each other and from zero."""
    shape = draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    complex = draw(complex) if isinstance(complex, st.SearchStrategy) else complex
    m, n = shape[-2:]
    small = draw(arrays(shape, -0.2, 0.2, complex=complex))
    return small + onp.eye(m, n) * (1.0 + onp.arange(n)) * draw(st.sampled_from([1.0, -1.0]))


@st.composite
def hermitian(draw, shape=SQUARE, complex=KINDS):
    """Hermitian matrices with positive eigenvalues, but for what is in the triangle not read."""
    x = draw(apart(shape, complex))
    return x @ onp.conj(onp.swapaxes(x, -1, -2)) + 0.1 * x


@st.composite
def _solve(draw):
    n = draw(st.integers(0, 3))
    batch_a, batch_b = draw(st.sampled_from([((), ()), ((2,), ()), ((), (2,)), ((2, 1), (3,)), ((0,), ())]))
    a = draw(square((*batch_a, n, n)))
    vector = draw(st.booleans())
    shape = (n,) if vector else (*batch_b, n, draw(st.integers(0, 2)))
    return Call((a, draw(arrays(shape, complex=draw(KINDS)))))


@st.composite
def _by_factors(draw):
    """Without factors, as those of another matrix would stay: large matrices have tests of their own."""
    n, complex = draw(st.integers(0, 3)), draw(KINDS)
    b = draw(arrays(draw(st.sampled_from([(n,), (n, 2)])), complex=complex))
    return Call((draw(square((n, n), complex=complex)), b), {"trans": draw(st.sampled_from([0, 1]))})


@st.composite
def _lstsq(draw):
    m, n = draw(st.sampled_from([(2, 2), (3, 2), (2, 3), (4, 1)]))
    complex = draw(KINDS)
    a = draw(apart((m, n), complex))
    b = draw(arrays(draw(st.sampled_from([(m,), (m, 2)])), complex=complex))
    return Call((a, b), draw(st.sampled_from([{}, {"rcond": 1e-9}, {"rcond": -1}])))


@st.composite
def _pinv(draw):
    kwargs = draw(st.sampled_from([{}, {"rcond": 1e-9}, {"rtol": 1e-9}, {"hermitian": True}]))
    if "hermitian" in kwargs:
        return Call((draw(hermitian()),), kwargs)
    shape = st.sampled_from([(2, 2), (3, 2), (1, 3), (2, 2, 3), (0, 2)])
    return Call((draw(apart(shape)),), kwargs)


@st.composite
def _tensorsolve(draw):
    kwargs = draw(st.sampled_from([{}, {"axes": None}, {"axes": (0,)}, {"axes": (2, 0)}]))
    a = onp.reshape(draw(square((6, 6), 5.0, False)), (2, 3, 2, 3))
    axes = list(kwargs.get("axes") or ())
    # tensorsolve moves those axes behind the others; what it finds then is a.
    order = [n for n in range(4) if n not in axes] + axes
    return Call((onp.transpose(a, onp.argsort(order)), draw(arrays((2, 3)))), kwargs)


VECTOR_ORDERS = [None, 1, 2, 3, 2.5, 1.5, 0.5, -1, onp.inf, -onp.inf, 0]
MATRIX_ORDERS = [None, "fro", "f", "nuc", 1, -1, 2, -2, onp.inf, -onp.inf]


@st.composite
def _norm(draw):
    kwargs = {"keepdims": draw(st.booleans())} if draw(st.booleans()) else {}
    form = draw(st.sampled_from(["all", "vectors", "matrices"]))
    if form == "matrices":
        shape, axis = draw(st.sampled_from([((2, 3), None), ((3, 2, 2), (0, 2)), ((2, 2, 3), (-1, 0))]))
        ord = draw(st.sampled_from(MATRIX_ORDERS))
        x = draw(_for_matrix_norms(shape, ord))
        return Call((onp.moveaxis(x, (-2, -1), axis or (0, 1)),), kwargs | {"axis": axis, "ord": ord})
    if form == "vectors":
        kwargs |= {"axis": draw(st.sampled_from([-1, 0, (0,)])), "ord": draw(st.sampled_from(VECTOR_ORDERS))}
        shape = draw(st.sampled_from([(3,), (2, 3), (2, 1, 3)]))
    else:
        shape = draw(st.sampled_from([(), (3,), (0,), (2, 3), (2, 0, 2), (2, 2, 2)]))
    return Call((draw(_for_norms(shape)),), kwargs)


@st.composite
def _for_norms(draw, shape):
    """Sizes apart from each other and from zero."""
    x = draw(arrays(shape, 0.3, 2.0, distinct=True, complex=False))
    return x * draw(_signs(shape))


@st.composite
def _signs(draw, shape):
    signs = onp.random.default_rng(draw(st.integers(0, 99))).choice([-1.0, 1.0], shape)
    return signs * onp.exp(0.3j) if draw(KINDS) else signs


@st.composite
def _for_matrix_norms(draw, shape, ord):
    """Singular values, or the sums of sizes along rows and columns, apart from each other."""
    if ord in ("nuc", 2, -2):
        return draw(apart(shape))
    growing = onp.outer(2.0 ** onp.arange(shape[-2]), 1.6 ** onp.arange(shape[-1]))
    return growing * draw(arrays(shape, 0.9, 1.1)) * draw(_signs(shape))


@st.composite
def _vector_norm(draw):
    kwargs = draw(
        _keywords(keepdims=st.booleans(), ord=st.sampled_from([o for o in VECTOR_ORDERS if o is not None]))
    )
    shape = draw(st.sampled_from([(3,), (2, 3), (2, 2, 2)]))
    axis = draw(st.sampled_from([None, 0, -1, tuple(range(len(shape)))]))
    return Call((draw(_for_norms(shape)),), kwargs | ({} if axis is None else {"axis": axis}))


@st.composite
def _keywords(draw, **kwargs):
    """Some of the keywords."""
    return {name: draw(values) for name, values in kwargs.items() if draw(st.booleans())}


@st.composite
def _matrix_norm(draw):
    kwargs = draw(_keywords(keepdims=st.booleans(), ord=st.sampled_from(MATRIX_ORDERS[1:])))
    shape = draw(st.sampled_from([(2, 3), (2, 2, 2)]))
    return Call((draw(_for_matrix_norms(shape, kwargs.get("ord"))),), kwargs)


@st.composite
def _qr(draw):
    kwargs = draw(st.sampled_from([{}, *({"mode": mode} for mode in ("reduced", "r", "complete", "raw"))]))
    shape = st.sampled_from([(1, 1), (3, 3), (2, 2, 2), (2, 3), (3, 2), (2, 4, 1), (2, 0)])
    return Call((draw(apart(shape)),), kwargs)


@st.composite
def _unturned(draw, shapes):
    """Real, and no entry near 0: LAPACK turns vectors around where entries cross 0."""
    *stack, m, n = draw(shapes)
    return 0.5 + onp.eye(m, n) * (1.0 + onp.arange(n)) + draw(arrays((*stack, m, n), -0.1, 0.1))


@st.composite
def _svd(draw):
    kwargs = draw(_keywords(full_matrices=st.booleans(), compute_uv=st.booleans(), hermitian=st.booleans()))
    vectors, tall = kwargs.get("compute_uv", True), []
    # The vectors of complex matrices have a phase, and those beyond the values any direction.
    if kwargs.get("hermitian"):
        return Call((draw(hermitian(complex=False if vectors else KINDS)),), kwargs)
    if not vectors or not kwargs.get("full_matrices", True):
        tall = [(3, 2), (2, 4), (2, 3, 2), (0, 2)]
    shapes = st.sampled_from([(1, 1), (2, 2), (3, 3), (2, 2, 2), *tall])
    return Call((draw(_unturned(shapes) if vectors else apart(shapes, KINDS)),), kwargs)


@st.composite
def _svd_apart(draw):
    a = draw(_unturned(st.sampled_from([(1, 1), (2, 2), (3, 2), (2, 3)])))
    m, n = a.shape
    kwargs = {"full_matrices": False} if m != n else draw(_keywords(full_matrices=st.booleans()))
    return Call((a, draw(st.integers(1, 2))), kwargs)


UPLO = st.sampled_from(["L", "U", "u"])


@st.composite
def _eigh(draw):
    """Real, of two rows at most and not near diagonal: LAPACK turns vectors around where entries cross 0."""
    shape = draw(SMALL)
    a = draw(arrays(shape, -0.2, 0.2)) + onp.diag(1.0 + onp.arange(shape[-1]))
    return Call((a + draw(st.sampled_from([0.4, -0.4])),), draw(_keywords(UPLO=UPLO)))


@st.composite
def _of_order(draw, calls):
    """As eigh, with the number of derivatives."""
    call = draw(calls)
    return Call((*call.args, draw(st.integers(1, 2))), call.kwargs)


@st.composite
def _cond(draw):
    kwargs = draw(_keywords(p=st.sampled_from(MATRIX_ORDERS)))
    if kwargs.get("p") in (1, -1, onp.inf, -onp.inf):  # sums of sizes, apart here and in the inverse
        small = draw(arrays((2, 2, 2), 0.3, 0.4)) * draw(st.sampled_from([1.0, -1.0, onp.exp(0.3j)]))
        return Call((small + onp.diag([1.0, 2.0]),), kwargs)
    tall = [(3, 2)] if kwargs.get("p") in (None, 2, -2) else []
    return Call((draw(apart(st.sampled_from([(2, 2), (3, 3), (2, 2, 2), *tall]))),), kwargs)


@st.composite
def _multi_dot(draw):
    sizes = draw(st.lists(st.integers(0, 3), min_size=3, max_size=5))
    shapes = list(itertools.pairwise(sizes))
    if draw(st.booleans()):
        shapes[0] = shapes[0][1:]
    if draw(st.booleans()):
        shapes[-1] = shapes[-1][:1]
    return Call(([draw(arrays(shape, complex=draw(KINDS))) for shape in shapes],))


@st.composite
def _vectors(draw, n=None):
    """Two stacks of vectors along an axis."""
    n = draw(st.integers(0, 3)) if n is None else n
    shapes, axis = draw(
        st.sampled_from([
            (((n,), (n,)), -1),
            (((2, n), (n,)), -1),
            (((2, n), (3, 1, n)), -1),
            (((n, 2), (n, 2)), 0),
            (((n,), (n, 3)), 0),
            (((n, 2), (2, n, 1)), -2),
        ])
    )  # fmt: skip
    args = tuple(draw(arrays(shape, complex=draw(KINDS))) for shape in shapes)
    return Call(args, {} if axis == -1 and draw(st.booleans()) else {"axis": axis})


@st.composite
def _product(draw):
    """What matmul takes."""
    shapes = st.sampled_from([
        ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 2)), ((2, 2, 3), (3, 1)), ((0, 2), (2, 0)),
        ((2, 1, 2, 3), (3, 3, 2)),
    ])  # fmt: skip
    return Call(tuple(draw(arrays(shape, complex=draw(KINDS))) for shape in draw(shapes)))


@st.composite
def _tensordot(draw):
    shapes, axes = draw(
        st.sampled_from([
            (((2, 3), (2, 3)), None), (((2, 3), (2, 3)), 2), (((2, 3), (3, 2)), 1), (((2,), (3,)), 0),
            (((2, 3, 1), (3, 2)), ((0, 1), (1, 0))), (((2, 3), (3, 2)), (-1, 0)),
        ])
    )  # fmt: skip
    return Call(tuple(draw(arrays(shape)) for shape in shapes), {} if axes is None else {"axes": axes})


def either(shape):
    return arrays(shape) | arrays(shape, complex=True)


MATRICES = either(st.sampled_from([(2, 3), (3, 3), (2, 3, 2), (0, 2), (2, 0, 0)]))
SINGULAR = onp.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.5, -1.0, 1.0]])
RANK_ONE = onp.outer([1.0, -2.0, 0.5], [0.5, 1.0, 2.0])


def _kernel(*shape):
    """Positive matrices, the covariance of a process in time."""
    time = onp.arange(float(shape[-1])) / 10
    return onp.broadcast_to(onp.exp(-((time[:, None] - time) ** 2)) + onp.eye(len(time)), (*shape, len(time)))


CASES = {
    linalg.solve: Case(_solve()),
    linalg.solve_by_factors: Case(_by_factors(), frozenset({"lu", "piv", "trans"})),
    linalg.inv: case(square()),
    linalg.pinv: Case(_pinv(), frozenset({"rcond", "hermitian", "rtol"})),
    linalg.lstsq: Case(_lstsq(), frozenset({"rcond"})),
    linalg.tensorsolve: Case(_tensorsolve(), frozenset({"axes"})),
    linalg.tensorinv: Case(
        st.builds(
            lambda a, ind: (
                Call((onp.reshape(a, [(6, 2, 3), (2, 3, 6), (2, 3, 3, 2)][ind - 1]),), {"ind": ind})
                if ind != 2
                else Call((onp.reshape(a, (2, 3, 3, 2)),))
            ),
            square((6, 6), 5.0),
            st.sampled_from([1, 2]),
        ),
        frozenset({"ind"}),
    ),
    linalg.det: case(
        square(shift=1.0),
        examples=(
            call(onp.zeros((1, 1))),
            call(onp.zeros((2, 2))),
            call(onp.zeros((3, 3))),
            call(SINGULAR),
            call(RANK_ONE),
            call(SINGULAR * 1e-4),
            call(RANK_ONE + 1e-9 * SINGULAR.T),
            call(RANK_ONE * (1 + 2j)),
            call(onp.diag([1.0, 1e-6, 2.0, 0.5])),
            call(onp.array([SINGULAR, RANK_ONE, onp.eye(3), 0 * SINGULAR])),
        ),
    ),
    linalg.slogdet: case(square()),
    linalg.cond: Case(_cond(), frozenset({"p"})),
    linalg.norm: Case(
        _norm(),
        frozenset({"ord", "axis", "keepdims"}),
        # Singular values that coincide are no kink of their sum, nor those of the others of the largest.
        examples=(
            call(onp.eye(3), "nuc"),
            call(onp.eye(2, 3) * onp.exp(0.2j), "nuc"),
            call(onp.diag([3.0, 1.0, 1.0]), 2),
            call(onp.diag([2.0, 2.0, 1.0]), -2),
        ),
    ),
    linalg.vector_norm: Case(_vector_norm(), frozenset({"ord", "axis", "keepdims"})),
    linalg.matrix_norm: Case(_matrix_norm(), frozenset({"ord", "keepdims"})),
    linalg.spectral: case(
        apart(st.sampled_from([(2, 2), (3, 3), (3, 2), (2, 2, 3)])), st.sampled_from(["nuc", 2, -2])
    ),
    # The larger ones are solved by halves.
    linalg.cholesky: case(
        hermitian(),
        upper=st.booleans(),
        examples=(call(_kernel(70)), call(_kernel(67) + 0j, upper=True), call(_kernel(2, 66))),
    ),
    linalg.qr: Case(_qr(), frozenset({"mode"})),
    linalg.svd: Case(_svd(), frozenset({"full_matrices", "compute_uv", "hermitian"})),
    linalg.svd_apart: Case(_svd_apart(), frozenset({"full_matrices"})),
    ties.settle: case(either(st.sampled_from([(2, 2), (3,), ()])), st.sampled_from([0.0, 1.0])),
    ties.pole: case(arrays((2, 2), -0.1, 0.1), arrays((2, 2), 0.5, 2.0)),
    linalg.svdvals: case(apart(st.sampled_from([(2, 2), (3, 3), (3, 2), (2, 2, 3), (0, 2)]))),
    linalg.eig: case(apart(SMALL, False)),
    linalg.eigvals: case(apart(SMALL)),
    linalg.eigh: Case(_eigh(), frozenset({"UPLO"})),
    linalg.eigh_apart: Case(_of_order(_eigh()), frozenset({"UPLO"})),
    linalg.eig_apart: case(apart(SMALL, False), st.integers(1, 2)),
    linalg.eigvalsh: case(hermitian(), UPLO=UPLO),
    linalg.matrix_power: case(square(shift=2.0), st.integers(-3, 4)),
    linalg.multi_dot: Case(_multi_dot()),
    linalg.matmul: Case(_product()),
    linalg.vecdot: Case(_vectors(), frozenset({"axis"})),
    linalg.outer: case(either((3,)), either(st.sampled_from([(2,), (0,)]))),
    linalg.cross: Case(_vectors(3), frozenset({"axis"})),
    linalg.tensordot: Case(_tensordot(), frozenset({"axes"})),
    linalg.trace: case(MATRICES, offset=st.integers(-2, 2), dtype=st.sampled_from([None, complex])),
    linalg.diagonal: case(MATRICES, offset=st.integers(-2, 2)),
    linalg.matrix_transpose: case(MATRICES),
}

_ZERO, _EYE = onp.zeros(3), onp.eye(2)
_FLAT = onp.diag([1.0, 0.0])

# x̄ for ȳ of ones where differences have no answer: 0 where a norm is 0, shared equally by ties.
KINKS = {
    "norm at 0": (linalg.norm, call(_ZERO), 0, _ZERO),
    "norm of rows at 0": (linalg.norm, call(_EYE * [[1.0], [0.0]], axis=1), 0, _EYE * [[1.0], [0.0]]),
    **{
        f"norm of order {p} at 0": (linalg.norm, call(_ZERO, p), 0, _ZERO)
        for p in (1, 1.5, 2, 3, 0.5, onp.inf, -onp.inf)
    },
    **{
        f"norm of order {p} of a matrix at 0": (linalg.norm, call(0 * _EYE, p), 0, 0 * _EYE)
        for p in ("fro", "nuc", 1, -1, 2, -2, onp.inf, -onp.inf)
    },
    "norm of order 1 beside 0": (linalg.norm, call(onp.array([2.0, 0.0]), 1), 0, [1.0, 0.0]),
    "norm of order 3/2 beside 0": (linalg.norm, call(onp.array([2.0, 0.0]), 1.5), 0, [1.0, 0.0]),
    "norm of order inf with ties": (
        linalg.norm,
        call(onp.array([1.0, -1.0, 0.5]), onp.inf),
        0,
        [0.5, -0.5, 0],
    ),
    "norm of order 1 of a matrix with ties": (linalg.norm, call(_EYE, 1), 0, _EYE / 2),
    "norm of order 2 of a matrix with ties": (linalg.norm, call(_EYE, 2), 0, _EYE / 2),
    "norm of order -2 of a matrix with ties": (linalg.norm, call(-_EYE, -2), 0, -_EYE / 2),
    "nuclear norm of a matrix of lower rank": (linalg.norm, call(_FLAT, "nuc"), 0, _FLAT),
    "vector_norm at 0": (linalg.vector_norm, call(_ZERO), 0, _ZERO),
    "matrix_norm at 0": (linalg.matrix_norm, call(0 * _EYE, ord="nuc"), 0, 0 * _EYE),
    "cond at the least there is": (linalg.cond, call(_EYE), 0, 0 * _EYE),
}
