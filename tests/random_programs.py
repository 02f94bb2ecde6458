"""Small random NumPy programs, as text: what test_fuzz differentiates in every way there is.

A program is written line by line, and NumPy runs each line as it is written: a line that NumPy
refuses, or that leaves numbers with which differences cannot be taken, is left out again.
"""

from __future__ import annotations

import warnings

import numpy as onp

from funad import checkpoint, custom_vjp, vjp

FUNCTIONS = (
    "np.sin({a})", "np.cos({a})", "np.tanh({a})", "np.exp({a} * 0.2)", "np.sqrt({a} * {a} + 0.5)",
    "np.log({a} * {a} + 0.7)", "np.arctan({a})", "{a} ** 2", "{a} ** 3 * 0.1", "1.5 ** {a}", "-{a}",
    "abs({a})", "np.abs({a})", "np.square({a})", "np.reciprocal({a} * {a} + 1.0)", "np.expm1({a} * 0.3)",
    "np.log1p({a} * {a})", "np.sinc({a})", "np.clip({a}, -0.8, 0.9)", "{a}.clip(-0.5, None)",
    "np.maximum({a}, 0.1)", "np.where({a} > 0.2, {a} * 2.0, np.sin({a}))", "np.positive({a})",
    "np.nan_to_num({a})", "np.real({a})", "{a}.real", "np.conj({a})", "{a}.copy()",
    "np.heaviside({a}, 0.5) * {a}", "np.logaddexp({a}, 0.3)", "np.hypot({a}, 1.2)",
    "np.arctan2({a}, 1.7)", "np.exp2({a} * 0.3)", "np.sign({a}) * {a}", "np.fmin({a}, 0.6)",
    "np.add({a}, 1.1)", "np.select([{a} > 0.5, {a} < -0.5], [{a} ** 2, {a}], 0.3 * {a})",
    "np.mod({a}, 1.9)", "{a} % 2.3", "np.floor({a}) * {a}", "round({a}.sum(), 1) * {a}",
    "np.i0({a} * 0.5)", "np.arcsinh({a})", "np.cbrt({a} * {a} + 0.3)", "np.deg2rad({a} * 20.0)",
    "np.float_power({a} * {a} + 0.4, 1.3)", "np.astype({a}, float)",
    "np.piecewise({a}, [{a} > 0.1], [lambda t: t * t, lambda t: 3.0 * t])", "np.divmod({a}, 1.3)[1]",
    "np.modf({a})[0]", "np.frexp({a})[0]", "np.ldexp({a}, 1)", "np.unwrap({a})",
    # Masks, missing values and extremes.
    "{a} * ({a} > 0.1)", "np.where(({a} > 0) & ({a} < 0.7), {a}, 0.1 * {a} * {a})",
    "np.count_nonzero({a} > 0) * {a}",
    "np.nan_to_num(np.where({a} > 0.2, {a}, np.nan))",
    "np.nansum(np.where({a} > 0, {a} ** 2, np.nan), axis=0)",
    "np.nanmean(np.where({a} < 9, {a} ** 2, np.nan))", "np.arcsinh({a} * 1e200) * 0.01",
    "np.hypot({a} * 1e200, 1e200) * 1e-200", "np.logaddexp({a} * 900.0, 0.0) * 1e-2", "np.tanh({a} * 25.0)",
    "np.expm1({a} * 9.0 - 60.0)", "np.sqrt(({a} + 3.0) * 1e300) * 1e-150",
    "np.log(np.exp({a} * 30.0) + 1.0) * 0.1",
    "np.arctan({a} * 1e180)", "np.linalg.norm({a} * 1e170) * 1e-170",
)  # fmt: skip
PAIRS = (
    "{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} / ({b} * {b} + 1.0)", "np.maximum({a}, {b})",
    "np.minimum({a}, {b})", "np.hypot({a}, {b} + 2.0)", "np.arctan2({a}, {b} * {b} + 1.0)",
    "np.where({a} > {b}, {a}, {b} * 0.5)", "np.logaddexp({a}, {b})", "{a} @ {b}", "np.dot({a}, {b})",
    "np.matmul({a}, {b})", "np.outer({a}, {b})", "np.inner({a}, {b})", "np.kron({a}, {b})",
    "np.tensordot({a}, {b}, 1)", "np.einsum('i,i->', {a}, {b})", "np.einsum('ij,j->i', {a}, {b})",
    "np.einsum('ij,kj->ik', {a}, {b})", "np.vdot({a}, {b})", "np.convolve({a}, {b})",
    "np.cross({a}, {b})", "np.concatenate([{a}, {b}])", "np.concatenate(({a}, {b}), axis=-1)",
    "np.concatenate([{a}, {b}], axis=None)", "np.stack([{a}, {b}])", "np.stack([{a}, {b}], axis=-1)",
    "np.vstack([{a}, {b}])", "np.hstack([{a}, {b}])", "np.column_stack([{a}, {b}])",
    "np.append({a}, {b})", "np.dstack([{a}, {b}])", "np.block([[{a}, {b}]])",
    "({a} * 0.5 + 2.0) ** np.tanh({b})", "np.linalg.solve(np.eye(len({a})) * 4.0 + {a}, {b})",
    "np.power({a} * {a} + 0.5, {b})", "np.fmax({a}, {b})", "np.copysign({a}, {b})",
    "np.correlate({a}, {b})", "np.multiply({a}, {b})", "np.array([{a}, {b}])",
    "np.broadcast_arrays({a}, {b})[0]", "sum([{a}, {b}, {a}])", "np.interp(0.3, np.sort({a}), {b})",
    "np.linalg.multi_dot([{a}, {b}, {a}])", "np.trapezoid({a}, {b})", "np.vecdot({a}, {b})",
    "np.array([{a}.sum(), {b}.sum()])", "np.average({a}, weights={b} * {b} + 0.2)", "np.cov({a}, {b})",
    "np.insert({a}, 0, {b}.sum())",
    "checkpoint(lambda t: np.sin(t) * {b})({a})", "checkpoint(lambda t, u: t * u + {a})({a}, {b})",
    "checkpoint(lambda t: checkpoint(lambda u: u * {b} + t)(t * t))({a})",
    "with_rule(lambda t: np.cos(t) * 0.7)({a}) * {b}",
)  # fmt: skip
REDUCTIONS = (
    "np.sum({a}{k})", "{a}.sum({m})", "np.mean({a}{k})", "{a}.mean({m})", "np.prod({a}{k})",
    "np.max({a}{k})", "{a}.max({m})", "np.min({a}{k})", "np.std({a}{k})", "np.var({a}{k})",
    "{a}.var({m})", "np.amax({a}{k})",
)  # fmt: skip
AXES = (
    "", "axis=0", "axis=-1", "axis=1", "axis=(0, 1)", "axis=0, keepdims=True", "keepdims=True",
    "axis=-1, keepdims=True", "axis=(-1, 0), keepdims=True",
)  # fmt: skip
MASKED = (
    "where={a} > -0.4", "where=np.arange({a}.size).reshape({a}.shape) % 2 == 0",
    "axis=0, where={a} < 0.7",
)  # fmt: skip
SHAPES = (
    "{a}.T", "{a}.ravel()", "np.ravel({a})", "np.ravel({a}, order='F')", "{a}.flatten()",
    "{a}.reshape(-1)", "{a}.reshape(-1, 1)", "{a}.reshape(2, -1)", "np.reshape({a}, (-1, 2))",
    "np.reshape({a}, (2, -1), order='F')", "{a}[::-1]", "np.flip({a})", "np.fliplr({a})",
    "np.transpose({a})", "np.swapaxes({a}, 0, -1)", "np.moveaxis({a}, 0, -1)", "np.expand_dims({a}, 0)",
    "{a}[..., None]", "{a}[None]", "np.squeeze({a})", "np.roll({a}, 1)", "np.roll({a}, 1, axis=0)",
    "np.rot90({a})", "np.tile({a}, 2)", "np.repeat({a}, 2)", "np.repeat({a}, 2, axis=0)",
    "np.pad({a}, 1)", "np.pad({a}, 1, mode='reflect')", "np.diff({a})", "np.diff({a}, axis=0)",
    "np.cumsum({a})", "np.cumsum({a}, axis=0)", "np.cumprod({a})", "np.sort({a})", "np.sort({a}, axis=0)",
    "np.sort({a})[..., ::-1]", "{a}[np.argsort({a}, axis=0)[0]]", "np.triu({a})", "np.tril({a}, -1)",
    "np.diag({a})", "np.diagonal({a})", "np.trace({a})", "np.atleast_2d({a})", "np.atleast_1d({a})",
    "np.asarray({a})", "np.broadcast_to({a}, (2,) + {a}.shape)", "np.split({a}, 2)[0]",
    "np.array_split({a}, 2)[1]", "np.take({a}, [0, 1, 0])", "np.take({a}, [1, 0], axis=-1)",
    "np.take_along_axis({a}, np.argsort({a}, axis=-1), axis=-1)", "np.median({a})",
    "np.quantile({a}, 0.3)", "np.ptp({a})", "np.delete({a}, 0)", "np.gradient({a})",
    "np.partition({a}, 1)", "np.resize({a}, (3,))", "{a}.take([0, -1])", "{a}.swapaxes(0, 1)",
    "{a}.squeeze()", "{a}.transpose()", "{a}.diagonal()", "{a}.repeat(2)", "np.copy({a})",
    "np.array({a})", "np.stack(list({a}))", "np.sum([t * t for t in {a}])",
    "np.concatenate([t * 2.0 for t in {a}], axis=None)", "np.array([np.sum(t) for t in {a}])",
    "np.compress([True, False, True], {a})", "np.extract({a} > 0, {a})",
    "np.nanmax({a})", "np.nansum({a}, axis=0)", "np.ediff1d({a})",
    "np.vander({a}, 3)", "np.hsplit({a}, 2)[1]", "np.unstack({a})[0]", "np.real_if_close({a})",
    "{a}.conj()", "{a}.astype(float, copy=False)", "np.block({a})", "np.linalg.matrix_power({a}, 1)",
    "np.linalg.diagonal({a})", "np.permute_dims({a})", "np.matrix_transpose({a})",
    "np.ascontiguousarray({a})", "{a}.view()", "np.meshgrid({a}, {a})[0]", "np.append({a}, 0.3)",
    "np.row_stack([{a}, {a}])", "np.cumsum({a}[::-1])", "{a}.item(0)", "{a}.min()",
    "np.linspace({a}, 1.0, 3)", "np.full_like({a}, 2.0) * {a}", "np.ones_like({a}) - {a}",
    "np.zeros_like({a}) + {a}", "np.full(3, {a}.sum())", "np.array({a}, ndmin=3)",
    "np.array({a}.tolist())", "np.stack([*map(np.sin, {a})])", "sum(map(np.cos, {a}))",
    "np.array(list(t * t for t in {a}))", "{a}[~({a} > 0.2)]",
    "np.concatenate([{a}[{a} > 0], {a}[{a} <= 0] * 0.5])",
)  # fmt: skip
ALGEBRA = (
    "np.linalg.norm({a})", "np.linalg.norm({a}, axis=0)", "np.linalg.norm({a}, 1)",
    "np.linalg.det({a} @ {a}.T + np.eye({a}.shape[0]))",
    "np.linalg.slogdet({a} @ {a}.T + np.eye({a}.shape[0]))[1]",
    "np.linalg.inv({a} @ {a}.T + np.eye({a}.shape[0]))",
    "np.linalg.cholesky({a} @ {a}.T + np.eye({a}.shape[0]))", "np.linalg.eigvalsh({a} @ {a}.T)[-1]",
    "np.linalg.pinv({a})", "np.linalg.svd({a}, compute_uv=False)",
    "np.linalg.matrix_power({a} @ {a}.T * 0.3, 2)", "np.linalg.qr({a})[1] ** 2",
    "np.einsum('ij->ji', {a})", "np.einsum('...i->...', {a})", "np.tensordot({a}, {a}, axes=([0], [0]))",
    "np.fft.fft({a})", "np.fft.ifft({a})", "np.abs(np.fft.rfft({a})) ** 2", "np.fft.irfft({a})",
    "np.fft.fft2({a})", "np.fft.fftshift({a})", "np.real(np.fft.ifft(np.fft.fft({a}) * 0.5))",
    "np.imag(np.fft.fft({a}, axis=0))", "np.abs({a} + 1j)", "np.angle({a} + 2j)", "np.exp(1j * {a})",
    "({a} * (1 + 2j)).imag", "np.fft.rfft({a}, n=4)",
    "np.linalg.eigh({a} @ {a}.T + np.diag(np.arange({a}.shape[0])))[0]",
    # Degenerate matrices, whose rank and ties stay.
    "np.linalg.eigvalsh(np.eye(2) * {a}.sum())", "np.linalg.svd(np.eye(3) * {a}.sum(), compute_uv=False)",
    "np.linalg.pinv(np.outer({a}.ravel()[:2], {a}.ravel()[:3]))", "np.linalg.norm(np.outer({a}, {a}), 2)",
    "np.linalg.lstsq(np.ones((3, 2)), {a}.ravel()[:3], rcond=None)[0]",
    "np.linalg.det(np.outer({a}.ravel()[:2], {a}.ravel()[:2]) + np.eye(2))", "np.prod({a} * ({a} > 0.1))",
    "np.trace(np.linalg.matrix_power(np.outer({a}, {a}) * 0.3, 3))",
)  # fmt: skip
INDICES = (
    "0", "-1", "1", "...", ":", "1:", ":-1", "::-1", "::2", "::-2", "2::-1", "-2:", "0, 0", "0, :",
    ":, 0", ":, -1", ":, ::-1", "..., 0", "..., ::-1", "1:, 1:", "::-1, ::2", "[0, 1]", "[1, 0, 1]",
    "[0, 0]", ":, [0, 1]", "[0, 1], [1, 0]", "[0, 0], [1, 1]", "None, 0", "..., None", "{a} > 0.1",
    "{a} < 0.3", "np.array([1, -1])", "np.array([[0, 1], [1, 1]])", "np.ix_([0, 1], [1, 0])",
    "np.nonzero({a} > 0)", "np.argmax({a})", "(slice(None), 1)", "np.array([0, 1]), ::-1", "0:1", "5:",
    "np.newaxis", "[[0], [1]], [0, 1]", "[True, False, True]", "{a}[0] > 0",
)  # fmt: skip
VALUES = (
    "0.7", "{b}", "{b} * 2.0", "np.sin({b})", "{b}[0]", "{b}.sum()", "{b}[::-1]", "{b}.T", "{a}[::-1]",
    "[0.3, 0.4]", "{b} * {b}", "{a}[{i}] * 0.5", "[{b}.sum(), 0.2]",
)  # fmt: skip
WRITES = (
    "{a}[{i}] = {v}", "{a}[{i}] = {v}", "{a}[{i}] = {v}", "{a}[{i}] += {v}", "{a}[{i}] -= {v}",
    "{a}[{i}] *= {v}", "{a}[{i}] /= 1.7", "{a}[{i}] **= 2", "{a} += {v}", "{a} -= {v}", "{a} *= {v}",
    "{a} /= 1.3", "{a} @= {b}", "{a} **= 2", "{a}.fill({b}.sum())", "{a}.sort()", "{a}.sort(axis=0)",
    "np.copyto({a}, {v})", "np.fill_diagonal({a}, {v})", "np.put({a}, [0, 1], {v})",
    "np.putmask({a}, {a} > 0.2, {v})",
    "np.put_along_axis({a}, np.argmax({a}, axis=-1, keepdims=True), 0.2, axis=-1)",
    "{a}.flat[1] = {b}.sum()", "{a}.T[{i}] = {v}", "{a}[::-1][{i}] = {v}", "{a}.ravel()[{i}] = {v}",
    "{a}.reshape(-1)[0] = {b}.sum()", "{a}[{i}], {b}[0] = {b}[0] * 1.0, 0.4", "{a}.put([0], {b}.sum())",
    "{a}.partition(1)", "np.copyto({a}, {v}, where={a} > 0)", "np.place({a}, {a} > 0.3, [0.5])",
    "{a} %= 1.7", "{a}.real = {v}", "{a}.shape = (-1,)", "{a}[0], {a}[1] = {a}[1], {a}[0]",
    "{a}[{i}] += {a}[::-1]", "{a}.flat = {b} * 1.0", "{a}.flat[::2] = 0.3",
)  # fmt: skip
BLOCKS = (
    "for n in range(len({a})):\n    {a}[n] = {a}[n - 1] * 0.5 + {b}.sum() * 0.1",
    "for row in {a}:\n    row[0] = row[-1] * 0.5", "for row in {a}:\n    row *= 0.5",
    "if {a}.sum() > {b}.sum():\n    {c} = {a} * 2.0\nelse:\n    {c} = np.cos({b})",
    "while np.sum({a} * {a}) > 1.0:\n    {a} = {a} * 0.7",
    "{c} = 0.0\nfor t in {a}:\n    {c} = {c} * 0.5 + t", "{c} = 0.0\nfor t in {a}:\n    {c} += t",
    "{c} = np.zeros_like({a})\nfor n in range(len({a})):\n    {c}[n] = {a}[-1 - n] ** 2",
    "{c} = np.zeros_like({a}, shape=(3, 2))\n{c}[:, 0] = {a}.sum()\n{c}[1] += {b}.ravel()[:2]",
    "{c} = np.empty_like({a})\n{c}[...] = {b}",
    "{c} = [{a}, {b}]\n{c}[0] = {c}[1] * 0.5\n{c} = {c}[0] + 1.0",
    "{c} = {{'a': {a}, 'b': {b}}}\n{c}['a'] = {c}['a'] * {c}['b']\n{c} = {c}['a']",
    "{c}, *rest = {a}\nrest = sum(rest)\n{c} = {c} + rest",
    "{c} = np.stack([t * n for n, t in enumerate({a})])", "{c} = {a}[0]\n{a}[0] = 0.0\n{c} = {c} * 1.0",
    "{c} = {a}\n{c} += 1.0", "{c} = {a}[:]\n{c}[0] = {b}.sum()",
    "{c} = {a}.T\n{a} += {b}\n{c} = {c} * {c}", "{c} = {a}.copy()\n{a}[0] = 0.5",
    "{c} = {a} * 1.0\n{c}[{i}] = {v}", "{c} = {a}[{i}]\n{c} += {v}",
    "{c} = {a}[{i}]\n{c} *= {v}\n{a}[0] = 0.1", "{c} = {a}[{i}]\n{c}[0] = {v}\n{a} = {a} * 2.0",
    "{c} = {a} * 2.0\nd = {c}.reshape(-1)\nd[::2] = {b}.sum()",
    "{c} = {a} * 2.0\nd = np.asarray({c})\nd[0] += {b}.sum()",
    "{c} = np.transpose({a} + 0.0)\nd = {c}[0]\nd -= {v}",
    "{c}, d = np.split({a} * 1.0, 2)\n{c} += d\nd[...] = 0.3",
    "{c} = np.zeros_like({a})\n{c} += {b}\n{c}[{i}] -= {v}",
    "try:\n    {c} = {a}.reshape(7, 11)\nexcept ValueError:\n    {c} = {a} * 1.5",
    "def g(t):\n    t[0] = t[-1] * {b}.sum()\n    return t * 2.0\n{c} = g({a})",
    "def g(t, n=3):\n    return t if n == 0 else g(np.sin(t), n - 1)\n{c} = g({a})",
    "{c} = sum(t * 0.5 for t in {a})", "{c} = np.array(sorted({a}.ravel()))",
    "{c} = max({a}.ravel()) * {b}",
    # Plain arrays, lists and masks that are changed afterwards.
    "p = onp.full({a}.shape, 0.7)\n{c} = {a} * p * {b}\np[...] = 5.0",
    "p = [0, -1]\n{c} = {a}[p] * 0.5\np[0] = 1", "p = onp.array([0, 1, 0])\n{c} = np.take({a}, p)\np[:] = 0",
    "p = onp.arange({a}.size).reshape({a}.shape) % 2 == 0\n{c} = np.where(p, {a}, {b})\np[...] = False",
    "p = onp.zeros({a}.shape)\n{c} = 0.0\nfor n in range(3):\n    p[...] = n + 1\n"
    "    {c} = {c} + np.sum({a} * p) ** 2 * 0.01",
    "p = [{a}, {b}]\n{c} = np.stack(p)\np[0] = {a} * 9.0",
    "p = onp.ones(3)\n{c} = p[:2] * {a}.sum()\np[0] = 7.0\n{c} = {c} * p[:2]",
    "p = onp.array([0.3, 0.9])\n{c} = np.interp({a}, [-9.0, 9.0], p) * {b}\np[1] = 4.0",
    "p = onp.eye(2)\n{c} = p @ {a}.reshape(2, -1)\np[0, 1] = 3.0\n{c} = p.T @ {c}",
)  # fmt: skip
# Smooth functions with kinks where a or a - b is 0, and the same without them.
TWINS = (
    ("np.abs({a}) ** 2", "{a} ** 2"), ("np.cosh(abs({a}))", "np.cosh({a})"),
    ("np.sqrt({a} * {a}) ** 2", "{a} ** 2"), ("np.abs({a}) * np.sqrt({a} ** 2)", "{a} ** 2"),
    ("np.maximum({a}, -{a}) ** 2", "{a} ** 2"), ("np.maximum({a} ** 2, 0)", "{a} ** 2"),
    ("np.maximum({a}, {b}) * np.minimum({a}, {b})", "{a} * {b}"),
    ("np.hypot({a}, {b}) ** 2", "{a} ** 2 + {b} ** 2"), ("np.sort({a}) * 1.0", "np.sort({a})"),
    ("np.maximum({a}, {b}) ** 2 + np.fmin({a}, {b}) ** 2", "{a} ** 2 + {b} ** 2"),
    ("np.linalg.norm({a} - {b}) ** 2 * {a}", "np.sum(({a} - {b}) ** 2) * {a}"),
    ("np.exp(-np.linalg.norm({a}) ** 2) * {b}", "np.exp(-np.sum({a} ** 2)) * {b}"),
    ("np.abs({a} - {b}) ** 2", "({a} - {b}) ** 2"), ("np.std({a}) ** 2 * {b}", "np.var({a}) * {b}"),
    ("np.cos(np.abs({a} + {b}[::-1]))", "np.cos({a} + {b}[::-1])"),
    ("np.clip({a}, 0, None) ** 2 + np.clip({a}, None, 0) ** 2", "{a} ** 2"),
)  # fmt: skip
SMOOTH = (
    "np.sin({a})",
    "{a} * {b}",
    "{a} - {b}",
    "{a} + 0.5 * {b}[::-1]",
    "np.tanh({a}) * {b}",
    "{a} @ {a} * {b}",
)


def write_twins(choose, wanted):
    """Return a program of x, a vector, with kinks, and its twin without them."""
    names, lines = ["x"], []
    for n in range(wanted):
        a, b = names[choose(len(names))], names[choose(len(names))]
        pair = TWINS[choose(len(TWINS))] if choose(2) else (SMOOTH[choose(len(SMOOTH))],) * 2
        names.append(f"v{n}")
        lines.append([f"v{n} = {text.format(a=a, b=b)}" for text in pair])
    loss = " + ".join(f"np.sum({name} * {1 + 0.3 * n:.1f}) * 0.5" for n, name in enumerate(names))
    return tuple("\n".join([*program, f"loss = {loss}"]) for program in zip(*lines, strict=True))


LIMIT = 20.0


def with_rule(f):
    """Return f with a rule of its own, which is the right one."""
    return custom_vjp(f, lambda x: (f(x), x), lambda x, ybar: vjp(f, x)[1](ybar))


GIVEN = {"onp": onp, "checkpoint": checkpoint, "with_rule": with_rule}


class Writer:
    """Writes a program of x, an array, line by line; ``choose(n)`` picks one of n."""

    def __init__(self, choose, x):
        self.choose, self.x = choose, x
        self.lines, self.names = [], ["x"]
        self.values = {**GIVEN, "np": onp, "x": x.copy()}

    def one_of(self, options):
        return options[self.choose(len(options))]

    def array(self):
        # the later a name, the likelier
        return self.names[-1 - min(self.choose(len(self.names)), self.choose(len(self.names)))]

    def line(self):
        """Return a line, or a few that belong together, and the name that it makes, if any."""
        a, b, c = self.array(), self.array(), f"v{len(self.names)}"
        i = self.one_of(INDICES).format(a=a)
        v = self.one_of(VALUES).format(a=a, b=b, i=i)
        kind = self.choose(10)
        if kind in (7, 8) and not isinstance(self.values[a], onp.ndarray):
            kind = 0  # NumPy's numbers take some writes, which then have no effect
        if kind <= 1:
            return f"{c} = {self.one_of(FUNCTIONS).format(a=a)}", c
        if kind == 2:
            return f"{c} = {self.one_of(PAIRS).format(a=a, b=b)}", c
        if kind == 3:
            shaped = isinstance(self.values[a], onp.ndarray)
            options = self.one_of((*AXES, *MASKED) if shaped else AXES).format(a=a)
            text = self.one_of(REDUCTIONS).format(a=a, m=options, k=f", {options}" if options else "")
            return f"{c} = {text}", c
        if kind == 4:
            return f"{c} = {self.one_of(SHAPES).format(a=a)}", c
        if kind == 5:
            return f"{c} = {self.one_of(ALGEBRA).format(a=a)}", c
        if kind == 6:
            return f"{c} = {a}[{i}]", c
        if kind <= 8:
            return self.one_of(WRITES).format(a=a, b=b, i=i, v=v), None
        text = self.one_of(BLOCKS)
        return text.format(a=a, b=b, c=c, i=i, v=v), c if "{c}" in text else None

    def write(self, wanted):
        for _ in range(3 * wanted):
            if len(self.lines) >= wanted:
                break
            line, name = self.line()
            if self.runs(line, name):
                self.lines.append(line)
                if name:
                    self.names.append(name)
            else:
                self.values = {**GIVEN, "np": onp, "x": self.x.copy()}
                execute("\n".join(self.lines), self.values)
        return self.text()

    def runs(self, line, name):
        """Say whether NumPy takes the line, and leaves numbers of use."""
        try:
            execute(line, self.values)
        except Exception:
            return False
        names = [*self.names, name] if name else self.names
        return all(_useful(self.values.get(name)) for name in names)

    def text(self):
        ends = [
            f"np.sum(np.real({name}) ** 2) * 0.3 + np.sum(np.imag({name}) * 0.7)"
            if onp.iscomplexobj(self.values[name])
            else f"np.sum(np.sin({name}) * {1 + 0.3 * n:.1f})"
            for n, name in enumerate(self.names)
        ]
        return "\n".join([*self.lines, f"loss = {' + '.join(ends)}"])


def _useful(value):
    if not isinstance(value, (float, complex, onp.ndarray, onp.generic)):
        return False
    value = onp.asarray(value)
    fine = value.dtype.kind in "fc" and value.size <= 60 and value.ndim <= 4
    return fine and bool(onp.all(onp.isfinite(value)) and onp.all(onp.abs(value) < LIMIT))


def execute(text, values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(text, "<program>", "exec"), values)


def program_of(text):
    """Return the program as a function of the namespace and x."""
    code = compile(text, "<program>", "exec")

    def program(np, x):
        values = {**GIVEN, "np": np, "x": x}
        exec(code, values)
        return values["loss"]

    return program


def in_namespace(text):
    """Return the program as one writes it with funad.numpy, whose zeros can be filled."""
    return text.replace("np.zeros_like(x, shape=", "np.zeros(shape=")
