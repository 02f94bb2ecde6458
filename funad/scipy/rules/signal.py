"""The rules of scipy.signal's convolutions and filters.

The pairing is dL = Re Σ x̄·dx, without a conjugate, so that no kernel is conjugated on the way back.
"""

import math

import numpy as onp

from ... import numpy as np
from ...defining import defvjp, linear
from ...errors import NotDifferentiableError
from ...spaces import unbroadcast
from ...values import constant, dtype_of, shape_of
from .. import linalg, signal
from ..derived import Written, as_written, is_zero

# --- convolutions


def _flip(x, axes):
    """x in reverse order along some axes."""
    return np.flip(x, axes) if axes else x


def _embedded(ybar, shapes, axes):
    """ȳ at its place in the whole convolution: SciPy cuts the modes same and valid out of the middle."""
    widths = [(0, 0)] * np.ndim(ybar)
    for axis in axes:
        whole, size = sum(shape[axis] for shape in shapes) - 1, np.shape(ybar)[axis]
        start = (whole - size) // 2
        widths[axis] = (start, whole - size - start)
    return np.pad(ybar, widths)


def _of_convolution(f, argnum):
    """The rule of one of the two arrays: ȳ convolved with the other one in reverse order."""

    def back(ybar, arrays, along, **options):
        x, other = arrays[argnum], arrays[1 - argnum]
        if np.ndim(x) == 0:
            return ybar * other
        shapes = shape_of(arrays[0]), shape_of(arrays[1])
        ybar = _embedded(ybar, shapes, along)
        xbar = f(ybar, _flip(other, along), **options)
        cut = [slice(None)] * np.ndim(x)
        for axis in along:
            start = shapes[1 - argnum][axis] - 1
            cut[axis] = slice(start, start + shapes[argnum][axis])
        return unbroadcast(xbar[tuple(cut)], shapes[argnum])

    return back


def _axes(axes, ndim):
    if axes is None:
        return tuple(range(ndim))
    return tuple(int(axis) % ndim for axis in np.atleast_1d(axes))


def _rules_of(f):
    of_1, of_2 = (_of_convolution(f, n) for n in (0, 1))
    return (
        lambda y, ybar, in1, in2, mode="full", method="auto": of_1(
            ybar, (in1, in2), _axes(None, np.ndim(in1)), method=method
        ),
        lambda y, ybar, in1, in2, mode="full", method="auto": of_2(
            ybar, (in1, in2), _axes(None, np.ndim(in1)), method=method
        ),
    )


def _rules_along(f):
    of_1, of_2 = (_of_convolution(f, n) for n in (0, 1))

    def rule_of(back):
        def rule(y, ybar, in1, in2, mode="full", axes=None):
            along = _axes(axes, np.ndim(in1))
            return back(ybar, (in1, in2), along, axes=along)

        return rule

    return rule_of(of_1), rule_of(of_2)


def _correlate_wrt_1(y, ybar, in1, in2, mode="full", method="auto"):
    """As convolve, with conj(in2) in reverse order."""
    axes = _axes(None, np.ndim(in1))
    return _wrt_1(y, ybar, in1, _flip(np.conj(in2), axes), mode, method)


def _correlate_wrt_2(y, ybar, in1, in2, mode="full", method="auto"):
    axes = _axes(None, np.ndim(in1))
    return np.conj(_flip(_wrt_2(y, ybar, in1, in2, mode, method), axes))


_wrt_1, _wrt_2 = _rules_of(signal.convolve)
linear(signal.convolve, _wrt_1, _wrt_2, masks=True)
linear(signal.correlate, _correlate_wrt_1, _correlate_wrt_2, masks=True)
linear(signal.fftconvolve, *_rules_along(signal.fftconvolve), masks=True)
linear(signal.oaconvolve, *_rules_along(signal.fftconvolve), masks=True)


_PADDING = {"fill": "constant", "wrap": "wrap", "symm": "symmetric", "pad": "constant", "circular": "wrap"}


def _plane(in1, in2, mode, boundary, fillvalue):
    """The convolution of a plane that is continued beyond its boundary."""
    m, n = shape_of(in2)
    if mode == "valid":
        return signal.convolve(in1, in2, "valid")
    options = {"constant_values": fillvalue} if _PADDING[boundary] == "constant" else {}
    wide = np.pad(in1, ((m - 1, m - 1), (n - 1, n - 1)), _PADDING[boundary], **options)
    whole = signal.convolve(wide, in2, "valid")
    if mode == "full":
        return whole
    top, left = (m - 1) // 2, (n - 1) // 2
    return whole[top : top + shape_of(in1)[0], left : left + shape_of(in1)[1]]


def _convolve2d(y, in1, in2, mode="full", boundary="fill", fillvalue=0):
    return _plane(in1, in2, mode, boundary, fillvalue)


def _correlate2d(y, in1, in2, mode="full", boundary="fill", fillvalue=0):
    """As convolve2d with conj(in2) in reverse order; the middle is on the other side where sizes are even."""
    kernel = np.conj(in2)[::-1, ::-1]
    if mode != "same":
        return _plane(in1, kernel, mode, boundary, fillvalue)
    whole = _plane(in1, kernel, "full", boundary, fillvalue)
    top, left = (size - 1 - (size - 1) // 2 for size in shape_of(in2))
    return whole[top : top + shape_of(in1)[0], left : left + shape_of(in1)[1]]


as_written(signal.convolve2d, _convolve2d, (0, 1))
as_written(signal.correlate2d, _correlate2d, (0, 1))


# --- filters


def _padded(x, size):
    """A filter's coefficients, with zeros behind them."""
    return np.concatenate([x, np.zeros(size - shape_of(x)[0], dtype_of(x))])


_LONG = 100  # the order of a filter from which on FFTs take less time than a product for each coefficient


class _Adjoint:
    """What the rules of lfilter start from: the filter's own adjoint, in reversed time, with its states.

    In direct form II transposed y = b₀ x + z₀ and zᵢ' = zᵢ₊₁ + bᵢ₊₁ x - aᵢ₊₁ y. So the cotangent of y, with
    all that y goes into, is wₙ = ȳₙ - Σ aᵢ₊₁ wₙ₊₁₊ᵢ, where behind the end stand the cotangents of the last
    states; x̄ₙ = Σ bᵢ wₙ₊ᵢ, b̄ᵢ = Σ wₙ₊ᵢ xₙ, āᵢ = -Σ wₙ₊ᵢ yₙ, and those of the first states are the first w.
    """

    def __init__(self, y, ybar, b, a, x, zi, axis):
        (y, _), (ybar, zfbar) = ((y, None), (ybar, None)) if zi is None else (y, ybar)
        self.order = order = max(shape_of(b)[0], shape_of(a)[0]) - 1
        self.scale = a[0]
        self.b, self.a = _padded(b / a[0], order + 1), _padded(a / a[0], order + 1)
        self.x, self.y, ybar = (np.moveaxis(v, axis, -1) for v in (x, y, ybar))
        backward, feedback = np.flip(ybar, -1), a / a[0]
        if zfbar is None:
            last = np.zeros((*shape_of(ybar)[:-1], order), dtype_of(ybar))
            backward = signal.lfilter(onp.ones(1), feedback, backward, -1)
        else:
            last, n = np.moveaxis(zfbar, axis, -1), shape_of(a)[0] - 1
            if n:
                states = -(last[..., :n] @ linalg.hankel(feedback[1:]).T)
                backward, _ = lfilter(onp.ones(1), feedback, backward, zi=states)
        self.w = np.concatenate([np.flip(backward, -1), last], -1)

    def places(self, k):
        return self.w[..., k : k + shape_of(self.x)[-1]]

    def of_x(self):
        if self.order > _LONG:
            return self._correlated(np.broadcast_to(self.b, (*shape_of(self.w)[:-1], self.order + 1)))
        return sum(self.b[k] * self.places(k) for k in range(self.order + 1))

    def sums(self, v):
        """Σ wₙ₊ₖ vₙ for each k."""
        if self.order > _LONG:
            return np.sum(self._correlated(v), tuple(range(np.ndim(v) - 1)))
        return np.stack([np.sum(self.places(k) * v) for k in range(self.order + 1)])

    def _correlated(self, v):
        """Σ wₙ₊ₖ vₙ along the last axis."""
        return signal.fftconvolve(self.w, np.flip(v, -1), "valid", axes=-1)

    def of_b(self):
        return self.sums(self.x) / self.scale

    def of_a(self):
        """āᵢ, and ā₀ of the scale by which all coefficients are divided."""
        of_b, of_a = self.sums(self.x), -self.sums(self.y)
        first = -(np.sum(of_b * self.b) + np.sum(of_a[1:] * self.a[1:]))
        return np.concatenate([np.reshape(first, 1), of_a[1:]]) / self.scale


def lfilter(b, a, x, zi):
    return signal.lfilter(b, a, x, -1, zi)


def _wrt_b(y, ybar, b, a, x, zi=None, axis=-1):
    return _Adjoint(y, ybar, b, a, x, zi, axis).of_b()[: shape_of(b)[0]]


def _wrt_a(y, ybar, b, a, x, zi=None, axis=-1):
    return _Adjoint(y, ybar, b, a, x, zi, axis).of_a()[: shape_of(a)[0]]


def _wrt_x(y, ybar, b, a, x, zi=None, axis=-1):
    return np.moveaxis(_Adjoint(y, ybar, b, a, x, zi, axis).of_x(), -1, axis)


def _wrt_zi(y, ybar, b, a, x, zi=None, axis=-1):
    found = _Adjoint(y, ybar, b, a, x, zi, axis)
    return unbroadcast(np.moveaxis(found.w[..., : found.order], -1, axis), shape_of(zi))


def _sections(y, sos, x, zi=None, axis=-1):
    """One section after the other."""
    states = []
    for k in range(shape_of(sos)[0]):
        if zi is None:
            x = signal.lfilter(sos[k, :3], sos[k, 3:], x, axis)
        else:
            x, last = signal.lfilter(sos[k, :3], sos[k, 3:], x, axis, zi[k])
            states.append(last)
    return x if zi is None else (x, np.stack(states))


def _sections_back(y, ybar, sos, x, zi=None, axis=-1):
    """The cotangents of the coefficients, from the last section on, each as for lfilter; from rest only."""
    if zi is not None:
        return None
    ends = [x]
    for row in sos[:-1]:
        ends.append(signal.lfilter(row[:3], row[3:], ends[-1], axis))
    found = []
    for row, start, end in zip(sos[::-1], ends[::-1], [y, *ends[:0:-1]], strict=True):
        adjoint = _Adjoint(end, ybar, row[:3], row[3:], start, None, axis)
        found.append(np.concatenate([adjoint.of_b(), adjoint.of_a()]))
        ybar = np.moveaxis(adjoint.of_x(), -1, axis)
    return np.stack(found[::-1])


_sections_wrt_x, _sections_wrt_zi = Written(_sections, 1), Written(_sections, 2)


def _backwards(sos, ybar, axis):
    """The transpose of a filter that starts at rest: itself, in reversed time."""
    return np.flip(signal.sosfilt(sos, np.flip(ybar, axis), axis), axis)


def _sosfilt_wrt_x(y, ybar, sos, x, zi=None, axis=-1):
    if zi is not None:
        ybar, last = ybar
        if not is_zero(last):
            return _sections_wrt_x(y, (ybar, last), sos, x, zi, axis)
    return _backwards(sos, ybar, axis)


def _sosfilt_wrt_zi(y, ybar, sos, x, zi=None, axis=-1):
    """As for lfilter: of each section, from the last on, the first two of w = ȳ/a, and next ȳ = b w."""
    ybar, last = ybar
    if not is_zero(last) or shape_of(x)[axis] < 2:
        return _sections_wrt_zi(y, (ybar, last), sos, x, zi, axis)
    found = []
    for k in reversed(range(shape_of(sos)[0])):
        w = _backwards(np.concatenate([np.array([1.0, 0.0, 0.0]), sos[k, 3:]])[None], ybar, axis)
        found.append(np.take(w, np.array([0, 1]), axis))
        ybar = _backwards(np.concatenate([sos[k, :3], np.array([1.0, 0.0, 0.0])])[None], w, axis)
    return np.stack(found[::-1])


_UPFIRDN = (
    "upfirdn has derivatives here with mode='constant' and cval=0 alone; use np.pad before it for others"
)


def _upfirdn_wrt_h(y, ybar, h, x, up=1, down=1, axis=-1, mode="constant", cval=0):
    """h̄ₖ = Σ ȳₘ xⱼ, of all m and j with m·down - j·up = k: every so many from the first ones on."""
    if mode not in ("constant", None) or onp.any(constant(cval) != 0):
        raise NotDifferentiableError(_UPFIRDN)
    common = math.gcd(up, down)
    up, down = up // common, down // common
    ybar, x, found = np.moveaxis(ybar, axis, -1), np.moveaxis(x, axis, -1), []
    for k in range(shape_of(h)[0]):
        if k % common:
            found.append(0.0 * h[k])
            continue
        lag = k // common
        m = lag * pow(down, -1, up) % up if up > 1 else 0
        m += -(min(m * down - lag, 0) // (up * down)) * up
        j = (m * down - lag) // up
        ys, xs = ybar[..., m::up], x[..., j::down]
        n = min(shape_of(ys)[-1], shape_of(xs)[-1])
        found.append(np.sum(ys[..., :n] * xs[..., :n]))
    return np.stack(found)


def _upfirdn_wrt_x(y, ybar, h, x, up=1, down=1, axis=-1, mode="constant", cval=0):
    """x̄ⱼ = Σₘ h[m·down - j·up] ȳₘ: the same with h in reverse order, up and down exchanged.

    Zeros before h have the first of these where a sample is kept.
    """
    if mode not in ("constant", None) or onp.any(constant(cval) != 0):
        raise NotDifferentiableError(_UPFIRDN)
    last, n = shape_of(h)[0] - 1, shape_of(x)[axis]
    before = -last % up
    turned = np.concatenate([np.zeros(before, dtype_of(h)), h[::-1]])
    found = np.moveaxis(signal.upfirdn(turned, ybar, down, up, axis), axis, -1)
    found = found[..., (last + before) // up :][..., :n]
    widths = [(0, 0)] * (np.ndim(x) - 1) + [(0, n - shape_of(found)[-1])]
    return np.moveaxis(np.pad(found, widths), -1, axis)


defvjp(signal.lfilter_of, _wrt_b, _wrt_a, _wrt_x, _wrt_zi, masks=True)
defvjp(signal.sosfilt_of, Written(_sections, 0, _sections_back), _sosfilt_wrt_x, _sosfilt_wrt_zi)
defvjp(signal.upfirdn, _upfirdn_wrt_h, _upfirdn_wrt_x)
