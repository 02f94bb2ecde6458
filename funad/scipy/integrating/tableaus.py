"""Explicit Runge-Kutta steps as SciPy has taken them: lengths, stages and tableaus, all plain.

Derivatives leave the lengths of the steps as they are: of steps whose lengths are differentiated, too, those
have the errors of the control of the error (17 in the place of 0.3 at rtol 1e-3, for Lotka and Volterra's
system; Hager, Runge-Kutta methods in optimal control, 2000, on steps that are fixed).
"""

import numpy as onp
from scipy import integrate as _integrate

from ... import numpy as np

__all__ = ["Steps", "recording"]

EXPLICIT = (_integrate.RK23, _integrate.RK45, _integrate.DOP853)


def recording(method, taken):
    """Return a method of SciPy's that notes its steps: (t, t + h, y, stages)."""

    class Recording(method):
        def step(self):
            t, y = self.t, self.y
            message = super().step()
            if self.status != "failed" and self.t != t:
                taken.append((t, self.t, y, self.K.copy()))
            return message

    Recording.__name__, Recording.__qualname__ = method.__name__, method.__qualname__
    return Recording


class Steps:
    """The steps of one run.

    Attributes
    ----------
    t, h : arrays of shapes (N + 1,), (N,)
    y, k : arrays of shapes (N + 1, n), (N, S, n)
        The states between the steps, and the slopes at the S stages of each.
    a, b, c : arrays of shapes (S, S), (S,), (S,)
        The tableau. With ``dense``, the stages that the interpolation needs follow those of the step.
    """

    def __init__(self, method, taken, last, dense, f):
        self.method, self.dense = method, dense
        self.t = onp.array([taken[0][0], *(step[1] for step in taken)])
        self.h = onp.diff(self.t)
        self.y = onp.array([*(step[2] for step in taken), last])
        main = method.n_stages
        self.k = onp.array([step[3] for step in taken])[:, : main + 1 if dense else main]
        self.a, self.b, self.c = self._tableau(main)
        if len(self.c) > self.k.shape[1]:
            self._extend(f)

    def _tableau(self, main):
        method = self.method
        extra = getattr(method, "A_EXTRA", onp.zeros((0, main + 1))) if self.dense else onp.zeros((0, 0))
        size = main + 1 + len(extra) if self.dense else main
        a, b, c = onp.zeros((size, size)), onp.zeros(size), onp.zeros(size)
        a[:main, : method.A.shape[1]], b[:main], c[:main] = method.A, method.B, method.C
        if self.dense:
            a[main, :main], c[main] = method.B, 1.0
            a[main + 1 :, : extra.shape[1]] = extra[:, :size]
            c[main + 1 :] = getattr(method, "C_EXTRA", ())
        return a, b, c

    def _extend(self, f):
        """Compute the stages that only the interpolation needs, which SciPy may have left out."""
        known = self.k.shape[1]
        k = onp.zeros((len(self.h), len(self.c), self.y.shape[1]), self.k.dtype)
        k[:, :known] = self.k
        for n, (t, h, y) in enumerate(zip(self.t[:-1], self.h, self.y, strict=False)):
            for i in range(known, len(self.c)):
                k[n, i] = f(t + self.c[i] * h, y + h * (self.a[i, :i] @ k[n, :i]))
        self.k = k

    def inputs(self, y, k):
        """Return the states at which the stages have their slopes: yₙ + h Σ aᵢⱼ kⱼ."""
        return y[:-1, None] + self.h[:, None, None] * np.matmul(self.a, k)

    def scaled(self, start, length):
        """Return the same steps for the time (t − start) / length."""
        made = object.__new__(Steps)
        made.__dict__.update(self.__dict__)
        made.t, made.h, made.k = (self.t - start) / length, self.h / length, self.k * length
        return made

    def step_of(self, t):
        """Return which step each time is in; one between two steps is in the earlier one."""
        ascending = self.t[-1] >= self.t[0]
        where = onp.searchsorted(self.t if ascending else -self.t, t if ascending else -t, side="left")
        return onp.clip(where - 1, 0, len(self.h) - 1)

    def interpolated(self, y, k, t, plain):
        """Return the states at times t, of which ``plain`` are the values: one row each."""
        n = self.step_of(plain)
        h = self.h[n][:, None]
        x = np.reshape((t - self.t[n]) / self.h[n], (-1, 1))
        old, slopes = y[n], k[n]
        if hasattr(self.method, "D"):
            return old + self._of_order_7(old, y[n + 1], slopes, h, x)
        powers = np.concatenate([x ** (p + 1) for p in range(self.method.P.shape[1])], axis=1)
        weights = np.matmul(powers, self.method.P.T)
        return old + h * np.sum(weights[:, :, None] * slopes, axis=1)

    def _of_order_7(self, old, new, k, h, x):
        """The interpolation of DOP853 (Hairer, Norsett and Wanner 1993, II.6)."""
        difference = new - old
        of_step = h * k[:, 0] - difference
        end = 2 * difference - h * (k[:, self.method.n_stages] + k[:, 0])
        rest = h[:, :, None] * np.matmul(self.method.D, k)
        parts = [difference, of_step, end, *(rest[:, p] for p in range(len(self.method.D)))]
        y = 0.0
        for p, part in enumerate(reversed(parts)):
            y = (y + part) * (x if p % 2 == 0 else 1 - x)
        return y
