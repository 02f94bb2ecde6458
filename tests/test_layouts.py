"""A result on a traced value is laid out in memory as NumPy's, and shares what that shares.

A write into the result, and what ``ravel`` or ``reshape`` give of it, then do what they do in NumPy.
"""

import warnings

import numpy as onp
import pytest

import funad.numpy as fnp
from funad import grad
from funad.spaces import held_copy, laid_out_copy
from funad.values import constant

from .random_writes import LAYOUTS, VALUES, VIEWS

CALLS = (
    "np.sum({a}, axis=())", "np.sum({a}, out=None)", "np.cumsum({a})", "np.nansum({a})",
    "np.nancumsum({a})", "np.nanmax({a})", "np.nanmean({a})", "np.nanmedian({a})", "np.nanstd({a})",
    "np.quantile({a}, 0.3)", "np.quantile({a}, [0.3, 0.4])", "np.nanquantile({a}, 0.3)",
    "np.percentile({a}, 30, axis=0, keepdims=True)", "np.argmax({a})", "np.add.reduce({a})",
    "np.add.reduce({a}, axis=None)", "np.add.reduce({a}, axis=())",
    "np.multiply.reduce({a}, axis=None, keepdims=True)", "np.maximum.reduce({a}, axis=-1)",
    "np.logaddexp.reduce({a}, axis=0)", "np.subtract.accumulate({a}, axis=0)",
    "np.multiply.accumulate({a}, axis=-1)", "np.minimum.accumulate({a}, axis=0)",
    "np.hypot.accumulate({a}, axis=0)", "np.divide.accumulate({a}, axis=0)",
    "np.power.accumulate({a}*{a}, axis=0)", "np.add.reduceat({a}, [0, 1], axis=0)",
    "np.maximum.reduceat({a}, [0, 1], axis=0)", "np.maximum.outer({a}, {b})", "np.ediff1d({a})",
    "np.gradient({a})", "np.gradient({a}, axis=-1)", "np.full_like({a}, 2.0)",
    "np.full_like({a}, {a}.sum())", "np.full_like({a}, {a}.sum(), order='C')",
    "np.full_like({a}, {a}.sum(), order='F')", "np.full_like({a}, {a}.sum(), order='A')",
    "np.full_like({a}, 2.0, order='A')", "np.zeros_like({a}, order='F')", "np.zeros_like({a}, order='A')",
    "np.empty_like({a})", "np.ones_like({a}, order='C')", "np.full(3, {a}.sum())",
    "np.full((2, 3), {a}.sum(), order='F')", "np.select([{a} > 0, {a} < -0.5], [{a}, {b}])",
    "np.select([{a} > 0], [{a}], 0.5)", "np.piecewise({a}, [{a} > 0], [lambda t:t, lambda t:t*2])",
    "np.vectorize(lambda v:v)({a})", "np.vectorize(lambda v, w:v*w)({a}, {b})",
    "np.vectorize(lambda v:v, signature='(n)->(n)')({a})", "np.insert({a}, 0, 1.0)",
    "np.insert({a}, 0, 1.0, 0)", "np.insert({a}, [0, 1], 1.0, -1)", "np.delete({a}, 0)",
    "np.delete({a}, 0, 0)", "np.delete({a}, [0], -1)", "np.append({a}, {b})", "np.append({a}, {a}, 0)",
    "np.append({a}, {a}, -1)", "np.compress([True, False], {a}, axis=0)",
    "np.compress([True, False], {a}, axis=-1)", "np.extract({a} > 0, {a})",
    "np.choose([0, 1, 0], [{a}, {b}])", "np.take({a}, [0, 1], axis=0)", "np.take({a}, 0)",
    "np.take({a}, 0, axis=0)", "np.unwrap({a})", "np.apply_along_axis(lambda t:t*2, 0, {a})",
    "np.apply_along_axis(lambda t:t*2, -1, {a})", "np.apply_along_axis(np.sum, 0, {a})",
    "np.apply_over_axes(np.sum, {a}, [0])", "np.fromfunction(lambda i: i*{a}.sum(), (3, ))",
    "np.block([[{a}, {a}], [{a}, {a}]])", "np.hstack([{a}, {b}])", "np.vstack([{a}, {b}])",
    "np.dstack([{a}, {b}])", "np.column_stack([{a}, {b}])", "np.stack([{a}, {b}], 1)",
    "np.concatenate([{a}, {b}], -1)", "np.concatenate([{a}, {b}], None)", "np.tile({a}, (2, 1))",
    "np.tile({a}, 2)", "np.repeat({a}, 2)", "np.repeat({a}, 2, 0)", "np.repeat({a}, 2, -1)",
    "np.roll({a}, 1)", "np.roll({a}, 1, -1)", "np.rot90({a}, 1)", "np.rot90({a}, 3)",
    "np.resize({a}, (2, 5))", "np.resize({a}, (3, ))", "np.pad({a}, 1, mode='edge')",
    "np.pad({a}, 1, mode='wrap')", "np.pad({a}, 1, mode='mean')", "np.pad({a}, 1, mode='linear_ramp')",
    "np.pad({a}, 0)", "np.tri(3)*1.0", "np.tril({a})", "np.triu({a}, 1)", "np.diagflat({a})",
    "np.vander({a})", "np.meshgrid({a}, {b})", "np.meshgrid({a}, {b}, indexing='ij')",
    "np.meshgrid({a}, {b}, sparse=True)", "np.broadcast_arrays({a}, {b})", "np.ix_({a}, {a})",
    "np.histogram({a})", "np.histogram({a}, weights={b})[0]", "np.bincount([0, 1, 1], {a})",
    "np.digitize({a}, [0., 1.])", "np.interp({a}, [0., 1.], [0., 1.])",
    "np.interp(0.3, [0., 1.], [0., 1.])*{a}", "np.convolve({a}, {b})", "np.correlate({a}, {b})",
    "np.cross({a}, {b})", "np.outer({a}, {b})", "np.inner({a}, {b})", "np.kron({a}, {b})",
    "np.tensordot({a}, {b}, 1)", "np.tensordot({a}, {b}, 0)", "np.tensordot({a}, {a}, {a}.ndim)",
    "np.einsum('i, i', {a}, {b})", "np.einsum('ij, jk', {a}, {b})", "np.einsum('ij', {a})",
    "np.einsum('ji', {a})", "np.einsum('ii', {a})", "np.einsum('i->', {a})", "np.einsum('ij->ji', {a})",
    "np.einsum('ijk->kji', {a})", "np.einsum('ij, ij->ij', {a}, {b})", "np.einsum('ij, ij->ji', {a}, {b})",
    "np.einsum('i, j->ij', {a}, {b})", "np.vdot({a}, {b})", "np.trace({a})", "np.linalg.norm({a})",
    "np.linalg.norm({a}, axis=0)", "np.linalg.norm({a}, axis=0, keepdims=True)",
    "np.linalg.norm({a}, keepdims=True)", "np.linalg.det({a})", "np.linalg.inv({a}+3*np.eye(len({a})))",
    "np.linalg.solve({a}+3*np.eye(len({a})), {a})", "np.linalg.qr({a})",
    "np.linalg.svd({a}, full_matrices=False)", "np.linalg.svd({a}, compute_uv=False)",
    "np.linalg.eigh({a}+{a}.T)", "np.linalg.eigvalsh({a}+{a}.T)",
    "np.linalg.cholesky({a}@{a}.T+np.eye(len({a})))", "np.linalg.pinv({a})",
    "np.linalg.matrix_power({a}, 3)", "np.linalg.matrix_power({a}, 2)", "np.linalg.slogdet({a})",
    "np.linalg.outer({a}, {b})", "np.linalg.cross({a}, {b})", "np.linalg.vecdot({a}, {b})",
    "np.linalg.matmul({a}, {b})", "np.linalg.trace({a})", "np.linalg.vector_norm({a})",
    "np.linalg.matrix_norm({a})", "np.linalg.multi_dot([{a}, {a}])", "np.linalg.multi_dot([{a}, {a}, {a}])",
    "np.polyval({a}, {b})", "np.polyfit(np.arange(len({a})), {a}, 1)", "np.polyadd({a}, {b})",
    "np.polymul({a}, {b})", "np.polyder({a})", "np.polyint({a})", "np.poly({a})", "np.roots({a})",
    "np.fft.fft({a})", "np.fft.fft({a}, axis=0)", "np.fft.ifft2({a})", "np.fft.rfft({a})",
    "np.fft.irfft({a})", "np.fft.fftshift({a})", "np.fft.hfft({a})", "np.corrcoef({a})",
    "np.cov({a}, bias=True)", "np.cov({a}, {b})", "np.average({a}, weights={b}**2)",
    "np.average({a}, axis=0, weights={b}**2)", "np.average({a}, axis=0, weights={b}**2, keepdims=True)",
    "np.average({a}, returned=True)", "np.var({a})", "np.std({a}, axis=-1)",
    "np.median({a}, axis=-1, keepdims=True)", "np.ptp({a})", "np.sort({a}, axis=None)",
    "np.sort({a}, axis=0)", "np.partition({a}, 0, axis=0)", "np.unique({a})", "np.union1d({a}, {b})",
    "np.setdiff1d({a}, [0.3])", "np.intersect1d({a}, {a})", "np.sort_complex({a})", "np.modf({a})",
    "np.frexp({a})[0]", "np.divmod({a}, 1.3)", "np.clip({a}, -1, 1)", "np.round({a}, 1)",
    "np.around({a}, 1)", "np.fix({a})", "np.rint({a})", "np.floor({a})", "np.trunc({a})",
    "np.float_power({a}**2+1, {b})", "np.copysign({a}, {b})", "np.nextafter({a}, 1.0)", "np.spacing({a})",
    "np.heaviside({a}, 0.5)", "np.where({a} > 0, {a}, 0.0)", "np.where({a} > 0, 0.0, {b})",
    "np.where(True, {a}, {b})", "np.linspace({a}, {b}, 3)", "np.linspace({a}, 1.0, 3, axis=-1)",
    "np.linspace({a}.sum(), 1.0, 4)", "np.logspace({a}, 1.0, 3)", "np.geomspace({a}**2+1, 3.0, 3)",
    "np.arange(0.0, {a}.sum()**2+1)", "np.trapezoid({a})", "np.trapezoid({a}, {b})",
    "np.trapezoid({a}, axis=0)", "np.cumulative_sum({a})",
    "np.cumulative_sum({a}, axis=0, include_initial=True)", "np.cumulative_prod({a})", "np.diff({a})",
    "np.diff({a}, axis=0)", "np.diff({a}, prepend=0.0)", "np.diff({a}, n=2)", "np.real_if_close({a}+0j)",
    "np.angle({a})", "np.angle({a}, deg=True)", "np.isclose({a}, {b})", "np.blackman(3)*{a}.sum()",
    "np.array([{a}, {b}])", "np.array([{a}.sum(), 1.0])", "np.array([[{a}.sum(), 1.0]])",
    "np.array({a}.sum())", "np.asarray({a}.sum())", "np.asarray([{a}, {a}])", "np.array({a}, ndmin=3)",
    "np.array({a}, order='F')", "np.array({a}, order='C')", "np.array({a}, order='A')",
    "np.array({a}, copy=None, order='F')", "np.asarray({a}, order='C')", "np.asanyarray({a}, order='F')",
    "np.copy({a})", "np.copy({a}, order='C')", "np.copy({a}, order='F')", "np.copy({a}, order='A')",
    "{a}.copy('A')", "{a}.astype(float, order='C')", "{a}.astype(float, order='F')",
    "{a}.astype(float, copy=False)", "{a}.astype('float32')", "np.astype({a}, float)", "{a}.flatten('F')",
    "{a}.ravel('A')", "{a}.reshape({a}.shape, order='F')", "{a}.reshape({a}.shape, copy=True)",
    "{a}.reshape(-1, copy=True)", "np.atleast_1d({a}.sum())", "np.atleast_2d({a}.sum())",
    "np.squeeze({a}[:1])", "{a}[:1].squeeze()", "{a}[()]", "{a}.imag", "({a}+1j).real", "({a}+1j).imag",
    "({a}*1j).conj()", "np.abs({a}+1j)", "{a}.T.dot({a})", "{a}.dot({a})", "{a}.trace()", "{a}.cumsum()",
    "{a}.cumsum(0)", "{a}.cumprod(0)", "{a}.mean(0)", "{a}.round(1)", "{a}.clip(0, 1)", "{a}.take([0])",
    "{a}.repeat(2)", "{a}.compress([True])", "{a}.max(0, keepdims=True)", "{a}.prod()", "{a}.std(0)",
    "{a}.var()", "{a}**2", "{a}**0.5*1.0", "{a}**1", "{a}**0", "{a}//1.0", "{a}%1.0", "divmod({a}, 1.0)",
    "2.0**{a}", "1.0-{a}", "+{a}", "abs({a})", "round({a}.sum(), 1)", "{a}@{a}.T", "{a}.T@{a}",
    "np.matmul({a}, {a}.T)", "np.matvec({a}, {a}[0])", "np.vecmat({a}[0], {a})",
    "np.take_along_axis({a}, np.argsort({a}, axis=0), axis=0)", "np.nanpercentile({a}, 40)",
    "np.searchsorted([0.1], {a})", "np.lib.stride_tricks.sliding_window_view({a}, 2, axis=0)",
    "np.lib.stride_tricks.sliding_window_view({a}, {a}.shape)", "np.rollaxis({a}, -1)",
    "np.moveaxis({a}, 0, -1)", "np.array_split({a}, 3)", "np.split({a}, 1)", "np.hsplit({a}, 1)",
    "np.dsplit({a}, 1)", "np.vsplit({a}, 1)", "np.unstack({a}, axis=-1)", "list({a}.flat)[0]",
    "{a}.flat[1]", "{a}.flat[:2]", "{a}.flat[[0, 1]]", "np.identity(2)*{a}.sum()",
    "np.nanprod({a}, axis=0)", "np.nanvar({a}, axis=0)", "np.nancumprod({a}, axis=0)",
    "np.nanmin({a}, axis=-1, keepdims=True)", "np.bartlett(4)", "np.concat([{a}, {b}])",
    "np.pow({a}**2+1, {b})", "np.acos({a}*0.1)", "np.polydiv({a}, {b})", "np.polysub({a}, {b})",
    "np.polynomial.polynomial.polyval({b}, {a})", "np.mean({a}, axis=0, keepdims=True)",
    "np.mean({a}, dtype='float32')", "np.sum({a}, dtype='float32', axis=0)", "np.sum({a}, initial=1.0)",
    "np.max({a}, axis=0, initial=0.1)", "np.add({a}, {b}, dtype='float32')",
    "np.multiply({a}, {b}, order='F')", "np.multiply({a}, {b}, order='C')", "np.sin({a}, order='F')",
    "np.exp({a}, order='C')",
)  # fmt: skip
# Of these NumPy gives arrays that warn when they are written to; here they are read-only.
WARNING = ("np.meshgrid({a}, {a}, copy=False)[0]",)
TRIED = ["by rows", "by columns", "with gaps", "backwards", "the first axis innermost"]
SHAPES = [(), (1,), (3,), (2, 2), (2, 3), (2, 3, 2)]


def described(y, x):
    """Type, dtype, shape, strides and flags of a result, and whether it shares memory with x."""
    if isinstance(y, (list, tuple)):
        return [described(part, x) for part in y]
    y = constant(y)
    if not isinstance(y, onp.ndarray):
        return type(y)
    strides = [stride for n, stride in zip(y.shape, y.strides, strict=True) if n > 1] if y.size else []
    return y.dtype, y.shape, strides, y.flags.writeable, onp.shares_memory(y, constant(x))


def results(call):
    """Yield, for every shape that NumPy takes, and layout, the arguments and what NumPy's result is."""
    for shape in SHAPES:
        numbers = onp.array(onp.random.default_rng(1).uniform(0.2, 1.2, shape))
        for name in TRIED if shape else TRIED[:1]:
            x = LAYOUTS[name](numbers)
            try:
                yield x, 1.1 * numbers, described(eval(call, {"np": onp, "x": x, "b": 1.1 * numbers}), x)
            except Exception:
                break  # NumPy refuses this shape, whatever its layout


@pytest.mark.parametrize("expression", [e for e in dict.fromkeys(VIEWS + VALUES + CALLS) if e not in WARNING])
def test_results_are_laid_out_in_memory_as_those_of_numpy(expression):
    call = compile(expression.replace("{a}", "x").replace("{b}", "b"), "<expression>", "eval")
    seen = []

    def of_argument(x, b):
        seen.append(described(eval(call, {"np": fnp, "x": x, "b": b}), x))
        return 0.0

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(results(call))
        assert found
        for x, b, expected in found:
            grad(of_argument)(x, b)
            assert seen.pop() == expected, (x.shape, x.strides)
        x, b, expected = found[1 % len(found)]
        grad(lambda x: grad(of_argument)(x, b).sum())(x)
        assert seen.pop() == expected, (x.shape, x.strides)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 2), (1, 3), (0, 2)])
@pytest.mark.parametrize("copy", [laid_out_copy, held_copy])
def test_a_copy_has_the_views_that_the_original_has(layout, shape, copy):
    x = LAYOUTS[layout](onp.arange(float(onp.prod(shape))).reshape(shape))
    y = copy(x)
    assert not onp.shares_memory(x, y)
    assert y.tolist() == x.tolist()
    assert (y.flags.c_contiguous, y.flags.f_contiguous) == (x.flags.c_contiguous, x.flags.f_contiguous)
    signs = [[stride > 0 for n, stride in zip(a.shape, a.strides, strict=True) if n > 1] for a in (x, y)]
    assert signs[0] == signs[1]
    for order in "CFA":
        for new in [(-1,), shape[::-1], (1, *shape), (2, -1), (-1, 2)]:
            try:
                parts = [a.reshape(new, order=order) for a in (x, y)]
            except ValueError:
                continue
            assert onp.shares_memory(parts[0], x) == onp.shares_memory(parts[1], y)
            assert parts[0].tolist() == parts[1].tolist()


def test_a_copy_takes_no_more_memory_than_twice_the_array_for_each_axis():
    column = onp.zeros((1000, 1000))[::5, 3]
    assert laid_out_copy(column).base.nbytes <= 2 * column.nbytes
    part = onp.zeros((1000, 1000))[::100, ::100]
    assert laid_out_copy(part).base.nbytes <= 4 * part.nbytes


def test_a_copy_that_is_only_read_keeps_a_repeated_number_in_one_place():
    x = onp.broadcast_to(onp.arange(3.0), (4, 3))
    assert held_copy(x).strides == x.strides
    assert laid_out_copy(x).tolist() == x.tolist()
    y = laid_out_copy(x)
    y[0] = 5.0
    assert y[1].tolist() == [0.0, 1.0, 2.0]
