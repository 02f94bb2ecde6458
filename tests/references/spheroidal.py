"""Mathieu and spheroidal wave functions by mpmath: eigenvalues and coefficients by three-term recurrences."""

from mpmath import mp, mpf
from scipy import special

from . import of
from .elementary import part

SIZE = 45


def eigenpair(diagonal, beside, guess):
    """Return the eigenvalue next to ``guess`` and its vector, of a symmetric tridiagonal matrix.

    Rayleigh's iteration, which converges cubically.
    """
    n = len(diagonal)
    vector = [1 / (1 + abs(d - guess)) for d in diagonal]
    value = mpf(guess)
    for _ in range(8):
        vector = _solved([d - value for d in diagonal], beside, vector)
        norm = mp.sqrt(sum(v * v for v in vector))
        vector = [v / norm for v in vector]
        product = [
            diagonal[k] * vector[k]
            + (beside[k] * vector[k + 1] if k + 1 < n else 0)
            + (beside[k - 1] * vector[k - 1] if k else 0)
            for k in range(n)
        ]
        last, value = value, sum(v * w for v, w in zip(vector, product, strict=True))
        if abs(value - last) <= abs(value) * mpf(10) ** (3 - mp.dps):
            return value, _with_tail(diagonal, beside, value, vector)
    raise ValueError(f"no eigenvalue near {guess}")


def _with_tail(diagonal, beside, value, vector):
    """The vector with all digits in its small end too, by the ratios of neighbours from there."""
    start = max(range(len(vector)), key=lambda k: abs(vector[k]))
    ratios, ratio = {}, mpf(0)
    for k in range(len(vector) - 2, start - 1, -1):
        further = beside[k + 1] * ratio if k + 1 < len(beside) else 0
        ratios[k] = ratio = -beside[k] / (diagonal[k + 1] - value + further)
    for k in range(start, len(vector) - 1):
        vector[k + 1] = ratios[k] * vector[k]
    return vector


def _solved(diagonal, beside, right):
    """The solution of a symmetric tridiagonal system, by elimination."""
    pivots, right = list(diagonal), list(right)
    for k in range(1, len(pivots)):
        if pivots[k - 1] == 0:
            pivots[k - 1] = mpf(10) ** (-2 * mp.dps)
        factor = beside[k - 1] / pivots[k - 1]
        pivots[k] -= factor * beside[k - 1]
        right[k] -= factor * right[k - 1]
    if pivots[-1] == 0:
        pivots[-1] = mpf(10) ** (-2 * mp.dps)
    x = right
    for k in range(len(pivots) - 1, -1, -1):
        above = beside[k] * x[k + 1] if k + 1 < len(pivots) else 0
        x[k] = (right[k] - above) / pivots[k]
    return x


# --- Mathieu's equation (DLMF 28.4)


def mathieu(even, m, q):
    """Return a or b, and the coefficients of cos kx or sin kx for k = k₀, k₀ + 2, …, normed to ∫ = π."""
    guess = (special.mathieu_a if even else special.mathieu_b)(m, float(q))
    first = m % 2 if even or m % 2 else 2
    diagonal = [mpf(first + 2 * k) ** 2 for k in range(SIZE)]
    beside = [q] * (SIZE - 1)
    if first == 0:
        beside[0] = mp.sqrt(2) * q  # of √2·A₀
    if first == 1:
        diagonal[0] += q if even else -q
    value, vector = eigenpair(diagonal, beside, float(guess))
    if first == 0:
        vector[0] /= mp.sqrt(2)
    index = (m - first) // 2  # where the coefficient is positive for small q
    sign = mp.sign(vector[index]) if abs(vector[index]) > 1e-3 else mp.sign(sum(vector))
    return value, first, [sign * v for v in vector]


def characteristic(even):
    return lambda m, q: mathieu(even, m, q)[0]


def _angular(even, order):
    """ce or se of x in degrees, and its slope in radians."""

    def f(m, q, x):
        _, first, coefficients = mathieu(even, m, q)
        x, total = x * mp.pi / 180, mpf(0)
        for k, c in enumerate(coefficients):
            n = first + 2 * k
            wave = (mp.cos if even == (order == 0) else mp.sin)(n * x)
            factor = 1 if order == 0 else (-n if even else n)
            total += c * factor * wave
        return total

    return f


def _orders(kind, z, count):
    """Return n ↦ J_n or Y_n of z for |n| up to ``count``: J downwards in n, Y upwards (DLMF 10.6.1)."""
    f = mp.besselj if kind == 1 else mp.bessely
    steps = range(count, 0, -1) if kind == 1 else range(count)
    first = steps[0]
    found = {first: f(first, z), first - 1 if kind == 1 else 1: f(first - 1 if kind == 1 else 1, z)}
    for n in steps[1:]:
        beyond = n + 1 if kind == 1 else n - 1
        found[n - 1 if kind == 1 else n + 1] = 2 * n / z * found[n] - found[beyond]
    return lambda n: found[abs(n)] * (-1 if n < 0 and n % 2 else 1)


def _radial(even, kind):
    """Mc and Ms of the first and second kind: products of Bessel functions (DLMF 28.24)."""

    def f(m, q, x):
        _, first, coefficients = mathieu(even, m, q)
        coefficients = [c for c in coefficients if abs(c) > mpf(10) ** (-mp.dps - 10)]
        h, s = mp.sqrt(q), (m - first) // 2
        inner = _orders(1, h * mp.exp(-x), len(coefficients) + s + 3)
        outer = _orders(kind, h * mp.exp(x), len(coefficients) + s + 3)
        # The orders add up to 2s + shift, and the parity of the second product is that of the function.
        shift = 0 if even and first == 0 else 1 if first == 1 else 2
        sign = 1 if even else -1
        total = mpf(0)
        for k, c in enumerate(coefficients):
            pair = inner(k - s) * outer(k + s + shift) + sign * inner(k + s + shift) * outer(k - s)
            total += (-1) ** (k - s) * c * pair
        return total / coefficients[s] / (2 if shift == 0 and s == 0 else 1)

    return f


def _slope(f):
    """∂f/∂x of the last argument."""

    def of_x(*args):
        with mp.workdps(2 * mp.dps):
            *rest, x = args
            h = abs(x) * mpf(10) ** (-mp.dps // 3)
            return (f(*rest, x + h) - f(*rest, x - h)) / (2 * h)

    return of_x


MATHIEU = {
    "mathieu_a": of(characteristic(True), [0, 1, 2, 3, 5], (-20.0, 20.0)),
    "mathieu_b": of(characteristic(False), [1, 2, 3, 5], (-20.0, 20.0)),
    **{
        f"mathieu_{name}:{k}": of(
            _angular(even, k), orders, (0.05, 20.0), (-170.0, 175.0), call=part(f"mathieu_{name}", k)
        )
        for name, even, orders in (("cem", True, [0, 1, 2, 3, 5]), ("sem", False, [1, 2, 3, 5]))
        for k in (0, 1)
    },
    **{
        f"mathieu_mod{name}{kind}:{k}": of(
            f if k == 0 else _slope(f),
            orders,
            (0.2, 9.0),
            (0.2, 1.5),
            call=part(f"mathieu_mod{name}{kind}", k),
            digits=30,
        )
        for name, even, orders in (("cem", True, [0, 1, 2, 3]), ("sem", False, [1, 2, 3, 4]))
        for kind in (1, 2)
        for f in (_radial(even, kind),)
        for k in (0, 1)
    },
    **{
        f"mathieu_even_coef:{k}": of(
            lambda q, k=k: mathieu(True, 2, q)[2][k],
            (0.05, 20.0),
            call=lambda s, q, k=k: s.mathieu_even_coef(2, q)[k],
            scalar=True,
        )
        for k in (0, 1, 3)
    },
    **{
        f"mathieu_odd_coef:{k}": of(
            lambda q, k=k: mathieu(False, 3, q)[2][k],
            (0.05, 20.0),
            call=lambda s, q, k=k: s.mathieu_odd_coef(3, q)[k],
            scalar=True,
        )
        for k in (0, 1, 3)
    },
}


# --- spheroidal functions (DLMF 30.8; Flammer, Spheroidal wave functions, 1957)


def spheroidal(m, n, square, size=SIZE):
    """Return λ of c² = ``square``, and Flammer's coefficients d_r for r = 0, 2, … or 1, 3, ….

    They are normed at 0: S is there what the Ferrers function is, or its slope is.
    """
    parity = (n - m) % 2
    cv = special.pro_cv if square > 0 else special.obl_cv
    guess = cv(m, n, float(mp.sqrt(abs(square))))
    degrees = [mpf(m + parity + 2 * k) for k in range(size)]

    def up(v):  # x·P̄_v = up(v)·P̄_{v+1} + up(v - 1)·P̄_{v-1}, of normed functions
        return mp.sqrt(((v + 1) ** 2 - m * m) / ((2 * v + 1) * (2 * v + 3)))

    diagonal = [v * (v + 1) + square * (up(v) ** 2 + (up(v - 1) ** 2 if v > m else 0)) for v in degrees]
    beside = [square * up(v) * up(v + 1) for v in degrees[:-1]]
    value, vector = eigenpair(diagonal, beside, float(guess))
    return (
        value,
        [int(v) for v in degrees],
        [
            c * mp.sqrt((v + mpf(1) / 2) * mp.factorial(v - m) / mp.factorial(v + m))
            for c, v in zip(vector, degrees, strict=True)
        ],
    )


def _ferrers_at_zero(m, v, order):
    """P_v^m(0) without its phase, or its slope there (DLMF 14.5.1, 14.5.2)."""
    if order == 0:
        return (
            2**m
            / mp.sqrt(mp.pi)
            * mp.gamma((v + m + 1) / mpf(2))
            / mp.gamma((v - m) / mpf(2) + 1)
            * mp.cospi((v + m) / mpf(2))
        )
    return (
        2 ** (m + 1)
        / mp.sqrt(mp.pi)
        * mp.gamma((v + m) / mpf(2) + 1)
        / mp.gamma((v - m + 1) / mpf(2))
        * mp.sinpi((v + m) / mpf(2))
    )


def normed_coefficients(m, n, square):
    value, degrees, ds = spheroidal(m, n, square)
    order = (n - m) % 2
    total = sum(d * _ferrers_at_zero(m, v, order) for d, v in zip(ds, degrees, strict=True))
    factor = _ferrers_at_zero(m, n, order) / total
    return value, degrees, [factor * d for d in ds]


def _value(sign):
    return lambda m, n, c: spheroidal(m, n, sign * c * c)[0]


def _ferrers(m, last, x):
    """The Ferrers functions of all degrees up to the last, by their recurrence (DLMF 14.10.3)."""
    found = {m - 1: mpf(0), m: mpf((-1) ** m) * mp.fac2(2 * m - 1) * (1 - x * x) ** (mpf(m) / 2)}
    for v in range(m, last):
        found[v + 1] = ((2 * v + 1) * x * found[v] - (v + m) * found[v - 1]) / (v - m + 1)
    return found


def _angular_spheroidal(sign):
    def f(m, n, c, x):
        _, degrees, ds = normed_coefficients(m, n, sign * c * c)
        ferrers = _ferrers(m, degrees[-1], x)
        return (-1) ** m * sum(d * ferrers[v] for d, v in zip(ds, degrees, strict=True))

    return f


def _radial_spheroidal(sign, kind):
    """DLMF 30.11.3 in real numbers: ((x² ∓ 1)/x²)^{m/2}·Σ i^{v-n}(…)d_v·j_v(cx)/Σ (…)d_v."""
    bessel = mp.besselj if kind == 1 else mp.bessely

    def f(m, n, c, x):
        _, degrees, ds = spheroidal(m, n, sign * c * c, SIZE if kind == 1 else 2 * SIZE)
        weights = [d * mp.factorial(v + m) / mp.factorial(v - m) for d, v in zip(ds, degrees, strict=True)]
        front = ((x * x - sign) / (x * x)) ** (mpf(m) / 2) / sum(weights)
        total = sum(
            (-1) ** ((v - n) // 2) * w * mp.sqrt(mp.pi / (2 * c * x)) * bessel(v + mpf(1) / 2, c * x)
            for w, v in zip(weights, degrees, strict=True)
        )
        return front * total

    return f


M, N = [0, 1, 2], [2, 3, 4, 5]


def _with_eigenvalue(name, value, k):
    """The call with the eigenvalue given, which is of the same c."""

    def call(s, m, n, c, x):
        return getattr(s, name)(m, n, c, getattr(s, value)(m, n, c), x)[k]

    return call


def _functions(prefix, sign):
    found = {
        f"{prefix}_cv": of(_value(sign), M, N, (0.05, 20.0)),
        f"{prefix}_cv_seq": of(
            lambda c: _value(sign)(1, 3, c),
            (0.05, 20.0),
            call=lambda s, c: getattr(s, f"{prefix}_cv_seq")(1, 4, c)[2],
            scalar=True,
        ),
    }
    kinds = {
        "ang1": (_angular_spheroidal(sign), (0.1, 5.0), (-0.95, 0.95)),
        "rad1": (_radial_spheroidal(sign, 1), (0.5, 6.0), (1.1, 5.0)),
        "rad2": (_radial_spheroidal(sign, 2), (1.0, 6.0), (1.6, 5.0)),
    }
    for kind, (f, *domains) in kinds.items():
        for k in (0, 1):
            name = f"{prefix}_{kind}"
            g = f if k == 0 else _slope(f)
            found[f"{name}:{k}"] = of(g, M, N, *domains, call=part(name, k), digits=30)
            found[f"{name}_cv:{k}"] = of(
                g, M, N, *domains, call=_with_eigenvalue(f"{name}_cv", f"{prefix}_cv", k), digits=30
            )
    return found


TABLE = MATHIEU | _functions("pro", 1) | _functions("obl", -1)
