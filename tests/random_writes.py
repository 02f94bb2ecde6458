"""Random programs of views, writes and inner transformations, on arrays of any memory layout.

What a program computes depends on which arrays share memory: a write shows in every view. What NumPy gives
a view of, and what a copy, depends on the memory layout (``ravel``, ``reshape``, order "A"). A program is
written line by line; NumPy runs each line as it is written, and a line that it refuses is left out.
"""

from __future__ import annotations

import re
import warnings

import numpy as onp

import funad
import funad.numpy as fnp

LIMIT = 20.0

# From a C-contiguous array to one of its own that is laid out otherwise, with the same numbers.
LAYOUTS = {
    "by rows": lambda a: a.copy(),
    "by columns": lambda a: onp.asfortranarray(a.copy()) if a.ndim else a.copy(),
    "with gaps": lambda a: onp.repeat(a[..., None], 2, -1)[..., 0],
    "with wide gaps": lambda a: onp.repeat(a[..., None], 40, -1)[..., 7],
    "rows of a wider matrix": lambda a: (
        onp.concatenate([a, a], -1)[..., : a.shape[-1]] if a.ndim else a.copy()
    ),
    "every second row": lambda a: onp.repeat(a, 2, 0)[::2] if a.ndim else a.copy(),
    "backwards": lambda a: a[::-1].copy()[::-1] if a.ndim else a.copy(),
    "all backwards": lambda a: onp.flip(onp.flip(a).copy()) if a.ndim else a.copy(),
    "first and last axis swapped": lambda a: a.swapaxes(0, -1).copy().swapaxes(0, -1) if a.ndim else a.copy(),
    "the first axis innermost": lambda a: (
        onp.moveaxis(onp.moveaxis(a, 0, -1).copy(), -1, 0) if a.ndim else a.copy()
    ),
}


VIEWS = (
    "{a}.T", "{a}.view()", "{a}[...]", "{a}[:]", "{a}[1:]", "{a}[::-1]", "{a}[::2]", "{a}[..., ::2]",
    "{a}[..., ::-1]", "{a}[0]", "{a}[-1]", "{a}[..., 0]", "{a}[None]", "{a}[..., None]", "{a}[:, 1:]",
    "{a}.reshape(-1)", "{a}.reshape(2, -1)", "{a}.reshape(-1, 2)", "{a}.reshape(-1, order='F')",
    "{a}.reshape(-1, order='A')", "{a}.reshape(2, -1, order='A')", "{a}.reshape({a}.shape)",
    "np.reshape({a}, -1, copy=True)", "{a}.reshape(-1, copy=True)",
    "{a}.reshape({a}.shape[::-1], copy=None)", "{a}.ravel()", "np.ravel({a})", "{a}.ravel('F')",
    "{a}.ravel(order='A')", "{a}.flatten()", "{a}.flatten('A')", "{a}.copy()", "{a}.copy(order='A')",
    "{a}.copy('F')", "np.copy({a}, order='A')", "np.asarray({a})", "np.asarray({a}, copy=True)",
    "np.asarray({a}, order='F')", "np.asanyarray({a})", "np.asfortranarray({a})",
    "np.ascontiguousarray({a})", "np.require({a}, requirements='C')", "np.array({a}, copy=None)",
    "np.array({a}, order='A')", "np.array({a}, order='C', copy=None)", "np.swapaxes({a}, 0, -1)",
    "{a}.swapaxes(-1, 0)", "np.transpose({a})", "{a}.transpose()", "np.moveaxis({a}, 0, -1)",
    "np.rollaxis({a}, -1)", "np.expand_dims({a}, 0)", "np.squeeze({a})", "{a}.squeeze()",
    "np.atleast_1d({a})", "np.atleast_2d({a})", "np.atleast_3d({a})", "np.diagonal({a})", "{a}.diagonal()",
    "np.diag({a})", "np.real({a})", "{a}.real", "np.imag({a})", "{a}.conj()", "np.split({a}, 2)[0]",
    "np.split({a}, 2, axis=-1)[1]", "np.array_split({a}, 2)[1]", "np.hsplit({a}, 2)[0]",
    "np.vsplit({a}, 2)[1]", "np.unstack({a})[0]", "np.flip({a})", "np.flip({a}, 0)", "np.flipud({a})",
    "np.fliplr({a})", "np.rot90({a})", "np.rot90({a}, 2)", "np.roll({a}, 1)",
    "np.broadcast_to({a}, (2,) + {a}.shape)", "np.broadcast_arrays({a}, {b})[0]",
    "np.lib.stride_tricks.sliding_window_view({a}, 2, axis=-1)", "list({a})[0]", "[*{a}][-1]",
    "np.matrix_transpose({a})", "{a}.mT", "np.permute_dims({a})", "{a}.astype(float, copy=False)",
    "{a}.astype(float)", "np.astype({a}, float, copy=False)", "np.einsum('ij->ji', {a})",
    "np.einsum('ii->i', {a})", "np.einsum('...->...', {a})", "np.real_if_close({a})", "np.trim_zeros({a})",
    "np.take({a}, [0, 1], axis=-1)", "{a}[[0, 1]]", "{a}[{a} > 0]", "np.where({a} > 0, {a}, {a} * 2.0)",
    "np.stack([{a}, {a}], axis=-1)[..., 0]", "np.meshgrid({a}, {a}, copy=False)[0]",
    "np.ix_({a}.ravel(), {a}.ravel())[0]", "np.linalg.diagonal({a})", "np.linalg.matrix_transpose({a})",
    "np.tile({a}, 1)", "np.triu({a})", "np.sort({a})", "np.concatenate([{a}])", "np.array({a}, ndmin=2)",
    "np.asarray_chkfinite({a})", "np.resize({a}, {a}.shape)", "np.squeeze({a}[None], 0)",
)  # fmt: skip
# Values whose memory layout NumPy chooses by that of their arguments.
VALUES = (
    "{a} * 1.1", "{a} + {b}", "{a} * {b}", "np.sin({a})", "-{a}", "{a} ** 2", "np.multiply({a}, 0.7)",
    "np.add({a}, {b})", "np.maximum({a}, 0.1)", "np.clip({a}, -0.9, 0.9)", "np.cumsum({a}, axis=0)",
    "np.cumsum({a}, axis=-1)", "np.sum({a}, axis=0)", "np.sum({a}, axis=-1)", "np.mean({a}, axis=0)",
    "np.max({a}, axis=0)", "np.sum({a}, axis=0, keepdims=True)", "np.matmul({a}, {b})", "{a} @ {b}",
    "np.dot({a}, {b})", "np.outer({a}, {b})", "np.where({a} > {b}, {a}, {b})", "np.zeros_like({a}) + {a}",
    "np.full_like({a}, 0.3)", "np.ones_like({a})", "np.zeros_like({a})", "np.gradient({a}, axis=0)",
    "np.select([{a} > 0], [{a}])", "np.piecewise({a}, [{a} > 0], [lambda t: t * t])",
    "np.diff({a}, axis=0)", "np.insert({a}, 0, 0.4, axis=0)", "np.delete({a}, 0, axis=0)",
    "np.append({a}, {a}, axis=0)", "np.maximum.accumulate({a}, axis=0)", "np.add.accumulate({a}, axis=0)",
    "np.concatenate([{a}, {a}])", "np.stack([{a}, {b}])", "np.tile({a}, 2)", "np.repeat({a}, 2, axis=0)",
    "np.roll({a}, 1, axis=0)", "np.pad({a}, 1)", "np.interp({a}, [0.0, 1.0], [0.2, 0.9])",
    "np.cumprod({a}, axis=0)", "np.abs({a})", "np.add.outer({a}, {b})", "np.multiply.reduce({a}, axis=0)",
    "np.std({a}, axis=0)", "np.sort({a}, axis=0)", "np.fft.ifft(np.fft.fft({a}, axis=0), axis=0).real",
    "np.real(np.exp(1j * {a}))", "np.linalg.inv({a} @ {a}.T + np.eye(len({a})))", "{a} * (1.0 + 0.5j)",
    "{a} + 0.3j * {b}", "{a}.astype(complex)", "np.conj({a})", "{a} * {a}.conj()",
    "np.heaviside({a}, 0.5) * {a}", "np.hypot({a}, {b})", "np.arctan2({a}, 2.0)", "np.square({a})",
    "np.nan_to_num({a})", "np.modf({a})[0]", "np.divmod({a}, 1.3)[1]",
    "np.vectorize(lambda t: t * 2.0)({a})", "np.apply_along_axis(lambda t: t * 2.0, 0, {a})",
    "np.take_along_axis({a}, np.argsort({a}, axis=0), axis=0)", "np.linalg.norm({a}, axis=0)",
    "np.percentile({a}, 40, axis=0)", "np.median({a}, axis=0)", "np.average({a}, axis=0)",
    "np.kron({a}, {b})", "np.cov({a})", "np.fliplr({a}) * 1.0", "np.einsum('ij->i', {a})",
    "np.tensordot({a}, {b}, 1)", "np.trapezoid({a}, axis=0)", "np.copysign({a}, {b})", "np.sinc({a})",
    "np.block([[{a}]])", "np.i0({a})", "np.unwrap({a}, axis=0)", "np.ptp({a}, axis=0)",
    "np.float_power({a} ** 2 + 1.0, 1.5)",
)  # fmt: skip
# What depends on the memory layout alone.
LAYOUT_OF = (
    "{a} * (1.0 + 0.3 * {a}.flags.c_contiguous)", "{a} * (1.0 + 0.2 * {a}.flags.f_contiguous)",
    "{a} * (1.0 + 0.4 * {a}.flags.writeable)", "{a}.ravel('A') * np.arange(1.0, {a}.size + 1)",
    "np.ravel({a}, order='A') * np.arange(1.0, {a}.size + 1)",
    "{a} * (1.0 + 0.1 * ({a}.squeeze().strides[:1] < {a}.squeeze().strides[-1:]))",
)  # fmt: skip
INDICES = (
    "0", "-1", "...", ":", "1:", "::-1", "::2", "..., 0", "..., -1", "..., ::-1", "0, 0", "[0, 1]",
    "{a} > 0.2", "()", ":, 1",
)  # fmt: skip
PUT = (
    "0.7", "{b} * 0.5", "{b}", "{b}.sum() * 0.1", "np.sin({b}[0])", "{a}[::-1]", "{b}.T", "-0.4",
)  # fmt: skip
WRITES = (
    "{a}[{i}] = {v}", "{a}[{i}] = {v}", "{a}[{i}] += {v}", "{a}[{i}] *= 0.5", "{a} += {v}", "{a} *= 0.7",
    "{a} *= {b}", "{a} -= {v}", "{a} /= 1.3", "{a} **= 2", "{a}.fill({b}.sum() * 0.1)", "{a}.sort()",
    "np.copyto({a}, {v})", "{a}.flat[1] = 0.3", "{a}.flat = {b} * 0.5", "{a}.T[{i}] = {v}",
    "{a}.ravel()[0] = {b}.sum() * 0.1", "{a}.ravel('A')[1] = 0.6", "{a}.reshape(-1)[-1] = {b}.sum() * 0.1",
    "np.put({a}, [0, 1], [0.2, 0.8])", "{a}.real[{i}] = {v}", "{a}.shape = (-1,)",
    "np.fill_diagonal({a}, 0.3)", "{a}.view()[{i}] = {v}", "{a}.squeeze()[...] = {v}",
    "np.asarray({a})[{i}] = {v}", "np.negative({a}, out={a})", "np.multiply({a}, {b}, out={a})",
    # NumPy's at writes into read-only arrays, too, where it is refused here.
    "{a}.flags.writeable and np.add.at({a}, [0, 0], 0.2)",
    "{a}.imag[{i}] = 0.3", "{a}.imag = {b}.real", "{a}.real *= 0.5",
    "{a}[{i}].imag[...] = 0.2", "np.add({a}, {b}, out={a}[{i}])", "np.sin({b}, out={a})",
    "np.cumsum({a}, axis=0, out={a})", "{a}[-1], {a}[0] = {a}[0], {a}[-1]", "{a}[1:] = {a}[:-1]",
    "{a}[:-1] += {a}[1:]", "{a}.T[...] = {a}", "{a}[::-1] += {a}", "{a}[{i}] -= {b}[{i}]",
    "{a}.partition(0)", "{a}.flat[::2] = 0.4", "np.place({a}, {a} > 0.5, [0.1])",
)  # fmt: skip
BLOCKS = (
    "for p, q in zip({a}, {b}):\n    p[...] = q * 0.5", "for n, p in enumerate({a}):\n    p += n * 0.1",
    "p = [*{a}]\np[0] += 0.3\n{c} = p[-1] * 2.0", "p, q = {a}\np += q\nq *= 0.5",
    "p = {a}.reshape(-1)\nq = {a}.T\np[0] = 0.3\nq[0] *= 2.0\n{c} = p * 1.0",
    "(p, q), {c} = np.split({a}, 2), {b}\np[...] = q",
    "{c} = np.empty((3,) + {a}.shape)\nfor n in range(3):\n    {c}[n] = {a} * n\n    {a} *= 0.9",
    "{c} = np.zeros(2)\np = {c}\nfor n in range(2):\n    p[n] = total({a})\n    {a} = {a} * 0.5\n"
    "    p = p[:]",
    "p = np.array([{a}, {a}])\np[0] = 0.2\n{c} = p[0] + p[1]",
    "p = [{a}, {b}]\np[0] *= 0.7\n{c} = p[0] + 1.0",
    "p = {{'k': {a}}}\np['k'] += 0.2\np['k'][0] = 0.1\n{c} = {a} * 1.0",
    "for row in {a}:\n    row[...] = row * 0.5", "for row in {a}:\n    row *= 0.8",
    "p, *q = {a}\np[...] = 0.3\n{c} = q[0] * 1.0",
    "for t in {a}.flat:\n    {a}[0] = {a}[-1] * 0.5 + t * 0.1", "{c} = {a}\n{c} += 0.1",
    "{c} = {a}\n{c} *= {b}", "{c} = 0.0\nfor t in {a}.flat:\n    {c} = {c} * 0.5 + t\n{c} = {c} * {b}",
    "try:\n    np.broadcast_to({a}, (2,) + {a}.shape)[0] = 0.4\nexcept ValueError:\n"
    "    {a}[...] = {a} * 0.9",
    "try:\n    np.diagonal({a})[0] = 0.4\nexcept ValueError:\n    {a}[...] = {a} * 0.9",
    "{c} = np.zeros_like({a})\n{c}[...] = {b}",
    "{c} = np.empty_like({a})\n{c}[...] = {a}\n{c}.ravel()[...] = {b}.ravel()",
    "{c} = np.zeros(3)\n{c}[1:] = {a}.sum() * 0.1\nd = {c}[::-1]\nd[0] = {b}.sum() * 0.2",
    "{c} = {a}.view()\n{c}.shape = (-1,)\n{c}[0] = {a}.shape[0] * 0.2",
    "{c} = np.ones({a}.shape)\n{c} *= {a}\n{c} += {b}",
    "{c} = {a}.T.copy()\n{c}[0] = 0.2\n{c} = {c} + {a}.T",
    "import copy\n{c} = copy.deepcopy({a})\n{c}[0] = 0.4", "{c} = sum(row * 0.5 for row in {a})",
)  # fmt: skip
# Inner functions: g takes t, and total(t) is a number that depends on every element.
RETURNS = (
    "total(t)", "total(t)", "total(s)", "total(t) + total(s)",
)  # fmt: skip
INNER = (
    "p = np.zeros({a}.shape)\n{c} = 0.0\nfor n in range(2):\n    p[...] = {a} * (n + 1.0)\n"
    "    {c} = {c} + grad(g)(p)\n    {a} *= 0.5",
    "p = []\nfor n in range(2):\n    d, pull = vjp(g, {a})\n    p.append(pull)\n    {a}[0] = n * 0.3\n"
    "{c} = p[0](1.0) + p[1](0.5)",
    "{c} = grad(lambda t: value_and_grad(g)(t)[0] * total(t))({a})",
    "{c} = jvp(grad(g), ({a},), ({b},))[1]", "d, pull = vjp(grad(g), {a})\n{a}[0] = 0.2\n{c} = pull({b})",
    "{c} = jacobian(grad(g))({a})[0]", "{c} = hvp(lambda t: g(t * {a}))({a}, {b})\n{b}[{i}] = {v}",
    "{c} = jacfwd(grad(g))({a})[..., 0]",
    "{c} = checkpoint(lambda t, u: g(t * u) * u)({a}, {b})\n{a}[{i}] = {v}",
    "{c} = grad(lambda t: total(checkpoint(lambda u: u * g(u * 0.5))(t)))({a})",
    "d, push = linearize(grad(g), {a})\nd[0] = 0.1\n{c} = push({b}) + d",
    "p = grad(g)({a})\nq = p.reshape(-1)\nq[0] = 0.3\n{c} = p * 1.0",
    "p, q = grad(lambda t, u: total(t + u), argnums=(0, 1))({a}, {a})\np[0] = 0.5\n{c} = p + q * 2.0",
    "p, pull = vjp(lambda t: t, {a})\np[0] = 0.5\n{c} = pull(p) + {a}",
    "p, pull = vjp(lambda t: np.exp(t * 0.1), {a})\np[0] = 0.5\n{c} = pull(p) + {a}",
    "p, q = jvp(lambda t: t, ({a},), ({b},))\np[0] = 0.5\nq[0] = 0.7\n{c} = {a} + {b}",
    "p, q = jvp(lambda t: np.exp(t * 0.1), ({a},), ({b},))\np *= 0.5\nq.T[0] = 0.7\n{c} = p + q",
    "p = {a}.ravel('A')\nd, pull = vjp(lambda t: total(t.ravel('A') ** 2), {a})\n"
    "{c} = pull(1.0).ravel('A') * p",
    "p = {{'k': {a}, 'm': [{b}, 0.5]}}\n"
    "{c} = grad(lambda p: total(p['k'] * p['m'][0]) * p['m'][1])(p)['k']\n{c}[0] = 0.2",
    "def h(t, u):\n    u[0] = total(t)\n    return total(u * 1.0)\n{c} = grad(h)({a}, {b}) + {a}",
    "p = {a}[1:]\n{c} = grad(g)(p)\np[...] = 0.3\n{c} = {c} * {a}[1:]",
    "p = {a}[:1]\nd, pull = vjp(lambda t: total(t) * g(t), {a})\np[...] = 0.4\n{c} = pull(1.0) * {a}",
    "{c} = value_and_grad(g)({a})\n{c} = {c}[0] + {c}[1]", "{c} = grad(g)({a})",
    "{c} = grad(g)({a})\n{c}[{i}] = {v}",
    "{c} = jvp(g, ({a},), ({a} * 0.5,))\n{c} = {c}[0] + {c}[1] * np.ones(2)",
    "d, pull = vjp(g, {a})\n{a}[{i}] = {v}\n{c} = pull(0.5) * d",
    "d, pull = vjp(g, {a})\n{c} = pull(0.5)\n{c}[0] = 0.1\n{c} = {c} + pull(1.0)",
    "{c} = jacobian(lambda t: g(t) * t[0])({a})", "{c} = jacfwd(lambda t: g(t) * t[0])({a})",
    "{c} = hessian(g)({a}.ravel())", "{c} = hvp(g)({a}, {a} * 0.3)",
    "{c} = hvp(g)({a}, np.ones({a}.shape))",
    "d, push = linearize(g, {a})\n{a}[{i}] = {v}\n{c} = d * push({a}) * np.ones(2)",
    "{c} = checkpoint(lambda t: g(np.copy(t)))({a}) * {b}",
    "{c} = grad(checkpoint(lambda t: g(t * 1.0)))({a})",
    "{c} = custom_vjp(lambda t: total(t), lambda t: (total(t), t * 1.0), lambda r, ybar: "
    "grad(total)(r) * ybar)({a}) * {b}",
    "{c} = grad(lambda t, u: g(t * u), argnums=(0, 1))({a}, {b})\n{c} = {c}[0] * 2.0 + {c}[1].sum()",
    "{c} = grad(lambda t: g(t) * total({b}))({a})\n{b}[0] = 0.2",
    "d, pull = vjp(lambda t: total(t * {b}), {a})\n{b}[{i}] = {v}\n{c} = pull(1.0)",
    "d, pull = vjp(lambda t: t * {b}, {a})\n{b}[0] = 0.4\nd[0] = 0.2\n{c} = pull(d) + d",
    "d, e = jvp(lambda t: t.T, ({a},), ({b},))\n{b}[0] = 0.3\n{c} = d * 2.0 + e",
    "z = np.zeros({a}.shape)\nz[...] = {a}\n{c} = grad(g)(z) + z",
    "z = np.ones({a}.shape)\n{c} = grad(g)(z) * {a} + z",
    "z = np.ones({a}.shape)\nd, pull = vjp(g, z)\nz[0] = 5.0\n{c} = pull(1.0) * {a}",
    "{c} = jacobian(lambda t: (g(t), t.T)[1])({a})",
    "({c}, d), e = value_and_grad(lambda t: (g(t), t * 1.0), has_aux=True)({a})\n{c} = d * {c} + e\n"
    "d[0] = 0.2",
    "({c}, pull, d) = vjp(lambda t: (total(np.exp(t * 0.1)), np.exp(t * 0.1)), {a}, has_aux=True)\n"
    "{c} = d.sum() * pull(1.0)",
    "{c} = elementwise_grad(lambda t: np.sin(t) * (g(t) * 0.0 + 1.0))({a})",
    "{c} = grad(lambda t: grad(g)(t).sum() + total(t))({a})",
    "def h(t):\n    {b}[0] = total(t)\n    return total({b})\n{c} = grad(h)({a})[0] * 1.0",
)  # fmt: skip


def weights(shape):
    return 0.3 + 0.2 * onp.arange(float(onp.prod(shape, dtype=int))).reshape(shape)


def total(t):
    """A number that depends on every element of t, and on its place."""
    real = fnp.sum(fnp.sin(t.real) * weights(t.shape))
    return real + fnp.sum(fnp.cos(t.imag) * 0.7 * weights(t.shape)) if t.dtype.kind == "c" else real


TRANSFORMATIONS = {
    name: getattr(funad, name)
    for name in (
        "checkpoint", "custom_vjp", "elementwise_grad", "grad", "hessian", "hvp", "jacfwd", "jacobian", "jvp",
        "linearize", "value_and_grad", "vjp",
    )
}  # fmt: skip


class Writer:
    """Writes a program of x, an array, line by line; ``choose(n)`` picks one of n."""

    def __init__(self, choose, x):
        self.choose, self.x = choose, x  # x makes the argument
        self.lines, self.names = [], ["x"]
        self.values = self.at_start()

    def at_start(self):
        return {"np": onp, "x": self.x(), "total": total, **TRANSFORMATIONS}

    def one_of(self, options):
        return options[self.choose(len(options))]

    def array(self, names):
        return names[-1 - min(self.choose(len(names)), self.choose(len(names)))]

    def simple(self, names, c):
        """Return a line without inner functions, and whether it makes c."""
        a, b = self.array(names), self.array(names)
        i = self.one_of(INDICES).format(a=a)
        v = self.one_of(PUT).format(a=a, b=b)
        if (
            ">" in i
        ):  # where a mask chooses what a view of the same array gives, NumPy reads what it has written
            v = f"({v}) * 1.0"
        kind = self.choose(10)
        if kind <= 3:
            return f"{c} = {self.one_of(VIEWS).format(a=a, b=b)}", True
        if kind == 4:
            return f"{c} = {self.one_of(VALUES).format(a=a, b=b)}", True
        if kind == 5:
            return f"{c} = {self.one_of(LAYOUT_OF).format(a=a)}", True
        if kind <= 8:
            return self.one_of(WRITES).format(a=a, b=b, i=i, v=v), False
        text = self.one_of(BLOCKS)
        return text.format(a=a, b=b, c=c, i=i, v=v), "{c}" in text

    def inner(self, c):
        """Return the definition of an inner function, tried on what it is to be given, and its call."""
        a, b = self.array(self.names), self.array(self.names)
        names, lines = ["t"], ["s = t"]
        local = self.at_start() | {"t": onp.array(self.values[a]), "s": onp.array(self.values[a])}
        for n in range(self.choose(4) + 1):
            line, makes = self.simple(names, f"s{n}" if n else "s")
            if runs(line, local, [*names, "s"]):
                lines.append(line)
                if makes:
                    names.append(f"s{n}" if n else "s")
            else:
                local = self.at_start() | {"t": onp.array(self.values[a])}
                execute("\n".join(lines), local)
        body = "\n    ".join("\n".join(lines).split("\n"))
        i, v = self.one_of(INDICES).format(a=a), self.one_of(PUT).format(a=a, b=b)
        call = self.one_of(INNER).format(a=a, b=b, c=c, i=i, v=v)
        text = f"def g(t):\n    {body}\n    return {self.one_of(RETURNS)}\n{call}"
        return re.sub(r"\bg\b", f"{c}_g", text)  # a name of its own: the way back may call it later

    def write(self, wanted, inner=3):
        for _ in range(3 * wanted):
            if len(self.lines) >= wanted:
                break
            c = f"v{len(self.names)}"
            line, makes = (self.inner(c), True) if self.choose(10) < inner else self.simple(self.names, c)
            names = [*self.names, c] if makes else self.names
            if runs(line, self.values, names):
                self.lines.append(line)
                self.names = names
            else:
                self.values = self.at_start()
                execute("\n".join(self.lines), self.values)
        return "\n".join([*self.lines, f"loss = {' + '.join(f'total({name})' for name in self.names)}"])


def runs(line, values, names):
    """Say whether NumPy takes the line, and leaves numbers of use."""
    try:
        execute(line, values)
    except funad.errors.FunadError:
        return False
    except Exception:
        return False
    return all(map(useful, map(values.get, names)))


def useful(value):
    if (
        not isinstance(value, onp.ndarray)
        or value.dtype.kind not in "fc"
        or value.size > 60
        or not value.size
    ):
        return False
    return value.ndim <= 4 and bool(onp.all(onp.isfinite(value)) and onp.all(onp.abs(value) < LIMIT))


def execute(text, values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(text, "<program>", "exec"), values)


def program_of(text):
    """Return the program as a function of the namespace and x."""
    code = compile(text, "<program>", "exec")

    def program(np, x):
        values = {"np": np, "x": x, "total": total, **TRANSFORMATIONS}
        exec(code, values)
        return values["loss"]

    return program
