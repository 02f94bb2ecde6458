"""Where to draw the arguments of funad.numpy.products from."""

import hypothesis.strategies as st
import numpy as onp

import funad.numpy as np
from funad.testing import Call, Case, arrays, call, shapes

from .manipulation import axes_of, maybe, of_array, some


def of_shapes(*pairs, examples=(), **keywords):
    """Return the case of f(a, b) for arrays of such pairs of shapes, real and complex."""

    @st.composite
    def drawn(draw):
        a, b = (draw(some(shape)) for shape in draw(st.sampled_from(pairs)))
        return Call((a, b), maybe(draw, **{name: draw(x) for name, x in keywords.items()}))

    return Case(drawn(), frozenset(keywords), tuple(examples))


VECTORS = [((3,), (3,)), ((0,), (0,)), ((1,), (1,))]
MATRICES = [
    ((2, 3), (3, 4)),
    ((2, 3), (3,)),
    ((2,), (2, 3)),
    ((1, 3), (3, 2)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
    ((2, 3), (3, 0)),
    ((2, 0), (0,)),
    ((0,), (0, 2)),
]
SCALARS = [((), ()), ((), (3,)), ((2, 3), ())]
BATCHES = [
    ((2, 2, 3), (2, 3, 4)),
    ((2, 2, 3), (3, 4)),
    ((2, 3), (2, 3, 4)),
    ((2, 1, 2, 3), (3, 3, 1)),
    ((1, 2, 3), (4, 3, 2)),
    ((2, 2, 3), (3,)),
    ((3,), (2, 3, 4)),
    ((2, 2, 2, 3), (3,)),
    ((3,), (2, 1, 3, 2)),
    ((0, 2, 3), (3, 4)),
    ((2, 0, 3), (2, 3, 1)),
]


@st.composite
def _tensordot(draw):
    a = draw(some(shapes(3, min_side=1)))
    of_a = axes_of(draw, a)
    places = draw(st.permutations(range(len(of_a)))) if of_a else []
    other = list(draw(shapes(2)))
    for _ in places:
        other.insert(draw(st.integers(0, len(other))), None)
    of_b = [n for n, size in enumerate(other) if size is None]
    of_b = [of_b[n] for n in places]
    for n, m in zip(of_a, of_b, strict=True):
        other[m] = a.shape[n]
    of_b = [n - len(other) if draw(st.booleans()) else n for n in of_b]
    kind = draw(st.sampled_from([tuple, list]))
    axes = kind([kind(of_a), kind(of_b)])
    if len(of_a) == 1 and draw(st.booleans()):
        axes = (of_a[0], of_b[0])
    return Call((a, draw(some(tuple(other)))), {"axes": axes})


third = onp.arange(24.0).reshape(2, 3, 4) / 10
_TENSORDOT = [
    call(third, third[0], 2),
    call(third, third[0, 0], axes=1),
    call(third[0], third[1], axes=0),
    call(2.0, third[0], axes=0),
    call(third, onp.transpose(third, (2, 0, 1)), axes=([2, 1], [0, 2])),
    call([1.0, 2.0], [3.0, 4.0], axes=1),
]

# Subscripts, and the shapes of the operands
_EINSUM = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 2)),
    ("ba", (2, 3)),
    ("ij->", (2, 3)),
    ("ij->j", (2, 3)),
    ("i,j->ij", (2,), (3,)),
    ("i,j->ji", (0,), (3,)),
    ("ij,ij->i", (2, 3), (2, 3)),
    ("ij,kl->il", (2, 3), (2, 2)),
    ("i,->i", (3,), ()),
    (",", (), ()),
    ("", ()),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("iij,j->i", (2, 2, 3), (3,)),
    ("iji,jj->j", (2, 3, 2), (3, 3)),
    ("iii->", (2, 2, 2)),
    ("iijj->j", (2, 2, 3, 3)),
    ("aab,b->", (2, 2, 3), (3,)),
    ("...ij,...jk->...ik", (2, 2, 3), (2, 3, 1)),
    ("...ij,jk", (2, 2, 3), (3, 1)),
    ("...i,...i->...", (2, 1, 3), (4, 3)),
    ("i...,i...->...", (3, 2), (3, 1)),
    ("i...,...->i...", (3, 2), ()),
    ("...,...", (2, 3), (3,)),
    ("...ii->...", (2, 3, 3)),
    ("...ij->...", (2, 3, 1)),
    ("i...j->...", (2, 3, 1)),
    ("ij,jk->ik", (2, 1), (3, 4)),  # an axis of length 1 broadcasts under any label
    ("ij,ij->ij", (1, 3), (2, 3)),
    ("i,i->", (3,), (1,)),
    ("ii,i->i", (1, 1), (3,)),
    ("ij,jk,kl->il", (2, 3), (3, 2), (2, 2)),
    ("i,i,i->i", (3,), (3,), (3,)),
    ("ij,j,i,kk->k", (2, 3), (3,), (2,), (2, 2)),
    ("B a, b a -> B b", (2, 3), (4, 3)),
]
ways = st.sampled_from([True, False, "greedy", "optimal"])


@st.composite
def _einsum(draw):
    subscripts, *sizes = draw(st.sampled_from(_EINSUM))
    return Call((subscripts, *(draw(some(size)) for size in sizes)), maybe(draw, optimize=draw(ways)))


a, b, v = third[0], third[1].T, third[0, :, 0]
wide = onp.cos(onp.arange(1600.0)).reshape(40, 40)
_EINSUM_BY_HAND = [
    *(
        call(at[0], *(1.0 + onp.arange(onp.prod(size, dtype=int)).reshape(size) / 7 for size in at[1:]))
        for at in _EINSUM
    ),
    call("ij,jk->ik", a, b, optimize=["einsum_path", (0, 1)]),
    call("ij,jk,kl->il", a, b, a, optimize=["einsum_path", (0, 1), (0, 1)]),
    call(a, [0, 1], b, [1, 0]),
    call(a, [0, 1], b, [1, 2], [2, 0], optimize=True),
    call(a, [26, 0], b, [0, 1]),  # implicit: 0, 1, 26 are A, B, a, in this order
    call(a, [..., 3], b, [3, 7], [7, ...]),
    call(
        ",".join(["ij", "j", "i", "", "ik", "k", "k", "kl", "l", "ij"]) + "->jk",
        a,
        a[0],
        v,
        0.5,
        a,
        a[0],
        a[1],
        b,
        v,
        a,
    ),
    call(",".join(["i"] * 11), *[v + n for n in range(11)]),
    call("...i,...i,...i,...i,...i,...i,...i,...i,...j", a, a[0], a, a, a, a, a, a, b[0]),
    call("i,i->", [1.0, 2.0], [3.0, 4.0]),
    # So many products that the way back goes through BLAS
    call("ij,jk->ik", wide, wide.T),
    call("ij,jk->ik", wide[:, :1], wide * 1j),
    call("bij,bkj->bik", wide.reshape(4, 10, 40), wide.reshape(1, 40, 40)),
    call("ij,jk,kk->i", wide, wide, wide),
    call("...ij,...jk->...ki", wide.reshape(2, 20, 40), wide),
]


@st.composite
def _cross(draw):
    shape = draw(st.sampled_from([((), ()), ((2,), (2,)), ((2, 1), (4,)), ((0,), ()), ((), (2,))]))
    axes = {}
    parts = []
    for batch, name in zip(shape, ("axisa", "axisb"), strict=True):
        axes[name] = draw(st.integers(-1 - len(batch), len(batch)))
        parts.append(onp.moveaxis(draw(some((*batch, 3))), -1, axes[name]))
    rank = max(map(len, shape))
    axes["axisc"] = draw(st.integers(-1 - rank, rank))
    if draw(st.booleans()):
        return Call(
            tuple(onp.moveaxis(part, axes[name], -1) for part, name in zip(parts, axes, strict=False))
        )
    if len(shape[0]) == len(shape[1]) and draw(st.booleans()):
        return Call((parts[0], onp.moveaxis(parts[1], axes["axisb"], axes["axisa"])), {"axis": axes["axisa"]})
    return Call(tuple(parts), axes)


def _trace(draw, x):
    first, second = draw(st.permutations(range(x.ndim)))[:2]
    second = second - x.ndim if draw(st.booleans()) else second
    dtype = onp.complex128 if x.dtype.kind == "c" else draw(st.sampled_from([float, complex]))
    places = {"axis1": first, "axis2": second} if draw(st.booleans()) else {}
    return (), maybe(draw, offset=draw(st.integers(-3, 3)), dtype=dtype) | places


@st.composite
def _vecdot(draw):
    a, b = (
        draw(some(shape))
        for shape in draw(
            st.sampled_from(
                [((3,), (3,)), ((2, 3), (3,)), ((2, 1, 3), (4, 3)), ((0, 3), (1, 3)), ((2, 0), (0,))]
            )
        )
    )
    axis = draw(st.integers(-min(a.ndim, b.ndim), -1) | st.just(0))
    a, b = (onp.moveaxis(part, -1, axis) for part in (a, b))
    return Call((a, b), {"axis": axis} if axis != -1 else maybe(draw, axis=-1))


CASES = {
    np.matmul: of_shapes(*VECTORS, *MATRICES, *BATCHES),
    np.dot: of_shapes(
        *VECTORS,
        *MATRICES,
        *SCALARS,
        ((2, 2, 3), (3,)),
        ((3,), (2, 3, 4)),
        ((2, 3), (2, 3, 2)),
        ((2, 1, 3), (2, 3, 2)),
        ((2, 0, 3), (3, 1)),
        examples=[call(2.0, 3.0), call([1.0, 2.0], [3.0, 4.0]), call(a, 2.0)],
    ),
    np.vdot: of_shapes(
        *VECTORS, ((), ()), ((2, 3), (2, 3)), ((2, 3), (6,)), ((0, 2), (0,)), examples=[call(2.0, 3.0)]
    ),
    np.vecdot: Case(_vecdot(), frozenset({"axis"})),
    np.inner: of_shapes(
        *VECTORS,
        *SCALARS,
        ((2, 3), (3,)),
        ((3,), (2, 3)),
        ((2, 3), (4, 3)),
        ((2, 2, 3), (2, 3)),
        ((2, 3), (0, 3)),
        ((2, 0), (3, 0)),
    ),
    np.outer: of_shapes(
        *VECTORS, *SCALARS, ((2, 3), (2, 2)), ((0, 2), (3,)), examples=[call(2.0, 3.0), call(v, 2.0)]
    ),
    np.tensordot: Case(_tensordot(), frozenset({"axes"}), tuple(_TENSORDOT)),
    np.einsum: Case(_einsum(), frozenset({"optimize"}), tuple(_EINSUM_BY_HAND)),
    np.cross: Case(_cross(), frozenset({"axisa", "axisb", "axisc", "axis"})),
    np.kron: of_shapes(
        *VECTORS,
        *SCALARS,
        ((2, 3), (2, 2)),
        ((2,), (3, 2)),
        ((2, 1, 2), (3,)),
        ((2, 0), (1, 2)),
        examples=[call(2.0, 3.0)],
    ),
    np.trace: of_array(
        _trace, "offset", "axis1", "axis2", "dtype", min_dims=2, examples=[call(a, dtype=int)]
    ),
}

if hasattr(np, "matvec"):
    CASES[np.matvec] = of_shapes(
        ((2, 3), (3,)),
        ((2, 2, 3), (3,)),
        ((2, 3), (4, 3)),
        ((2, 1, 2, 3), (4, 3)),
        ((0, 3), (3,)),
        ((2, 0), (0,)),
    )
    CASES[np.vecmat] = of_shapes(
        ((3,), (3, 2)),
        ((3,), (2, 3, 2)),
        ((4, 3), (3, 2)),
        ((2, 1, 3), (4, 3, 1)),
        ((3,), (3, 0)),
        ((0,), (0, 2)),
    )
