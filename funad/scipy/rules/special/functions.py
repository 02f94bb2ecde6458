"""Functions of SciPy's that are written in Python, and its Legendre functions: primitives as its ufuncs."""

import math
import warnings

import numpy as onp

from .... import numpy as np
from ....defining import defvjp, elementwise
from ....errors import NotDifferentiableError
from ....spaces import unbroadcast
from ....values import constant, dtype_of, shape_of
from ... import special as s
from ...deciding import some
from ...differences import near, of_shape, slope
from ..slopes import known, or_nan

# --- gamma, Lambert's W, Dirichlet's kernel


def _factorial(y, ybar, n, exact=False, extend="zero"):
    """ȳ·Γ′(n + 1); the extension by 0 to n < 0 is flat."""
    below = constant(n) < 0
    if extend != "zero" or not some(below):
        return ybar * (y * s.psi(n + 1.0))
    return ybar * np.where(below, 0.0, y * s.psi(np.where(below, 1.0, n + 1.0)))


elementwise(s.factorial, _factorial)
elementwise(s.lambertw, lambda y, ybar, z, k=0, tol=1e-8: ybar / (np.exp(y) * (1.0 + y)))


def _diric(y, ybar, x, n):
    """sin(nθ)/(n·sin θ) = Uₙ₋₁(cos θ)/n of θ = x/2, with U′ₙ₋₁ = 2C⁽²⁾ₙ₋₂."""
    degree = onp.maximum(onp.asarray(constant(n)), 1).astype(int)
    polynomial = s.eval_gegenbauer(onp.maximum(degree - 2, 0), 2.0, np.cos(0.5 * x))
    slope_of_y = np.where(degree > 1, -np.sin(0.5 * x) * polynomial / degree, 0.0)
    return ybar * or_nan(y, slope_of_y)


elementwise(s.diric, _diric)

# --- spherical Bessel functions: fₙ′ = ±(n·fₙ₋₁ ∓ (n + 1)·fₙ₊₁)/(2n + 1) (DLMF 10.51.1, 10.51.4)


def _spherical(f, of_lower, of_upper):
    """Give f, and f′ of ``derivative=True``, the rule of z; nothing is divided by z."""

    def curvature(n, z):
        n = onp.asarray(constant(n))
        lower, upper = f(onp.maximum(n - 1, 0), z, derivative=True), f(n + 1, z, derivative=True)
        return (of_lower * n * lower + of_upper * (n + 1) * upper) / (2.0 * n + 1.0)

    def rule(y, ybar, n, z, derivative=False):
        return ybar * (curvature(n, z) if derivative else f(n, z, derivative=True))

    elementwise(f, None, rule)


_spherical(s.spherical_jn, 1.0, -1.0)
_spherical(s.spherical_yn, 1.0, -1.0)
_spherical(s.spherical_in, 1.0, 1.0)
_spherical(s.spherical_kn, -1.0, -1.0)

# --- Legendre functions: SciPy gives derivatives up to the second, as rows; the third is that of the equation


def _legendre(name, signature):
    """Give f(*whole, z) its rule: rows y⁽ᵏ⁾ of ``diff_n``, of which the next is asked of f itself."""
    f = known(name)
    if f is None:
        return

    def wrt_z(y, ybar, args, options, diff_n):
        rows = f(*args, diff_n=min(diff_n + 1, 2), **options)
        slopes = rows[1:]
        if diff_n == 2:
            slopes = np.concatenate([slopes, _third(name, *_orders(name, args), args[-1], *rows)[None]])
        return unbroadcast(_real(args[-1], ybar * slopes), shape_of(args[-1]))

    argnum = len(signature.split(", ")) - 1
    defvjp(f, _FORMS[name](wrt_z), argnums=argnum)


def _orders(name, args):
    """n and m of the entries of a row."""
    *whole, z = args
    n, m = (*whole, 0)[:2]
    if not name.endswith("_all"):
        return onp.asarray(n), onp.asarray(m)
    ns, ms = (part.reshape(part.shape + (1,) * len(shape_of(z))) for part in _table(int(n), abs(int(m))))
    return (ns, ms) if len(whole) > 1 else (ns[:, 0], 0)


def _third(name, n, m, z, y, bend, curve):
    """y‴ of the equation (1 - z²)y″ - 2zy′ + (n(n + 1) - m²/(1 - z²))y = 0; of Pₙ, right at ±1 too."""
    if name.startswith("legendre"):
        lower = np.where(n < 3, 0.0, s.eval_jacobi(onp.maximum(n - 3, 0), 3.0, 3.0, z))
        return 0.125 * (n + 1.0) * (n + 2.0) * (n + 3.0) * lower
    if name.startswith("sph"):  # z = cos θ
        sine, cosine = np.sin(z), np.cos(z)
        of_slope = (1.0 + m * m) / sine**2 - n * (n + 1.0)
        return of_slope * bend - (cosine / sine) * (curve + 2.0 * m * m / sine**2 * y)
    room = 1.0 - z * z
    of_slope = 2.0 - n * (n + 1.0) + m * m / room
    return (4.0 * z * curve + of_slope * bend + 2.0 * m * m * z / room**2 * y) / room


def _real(x, xbar):
    return xbar if dtype_of(x).kind == "c" or dtype_of(xbar).kind != "c" else np.real(xbar)


_FORMS = {
    "legendre_p": lambda of: lambda y, ybar, n, z, *, diff_n=0: of(y, ybar, (n, z), {}, diff_n),
    "assoc_legendre_p": lambda of: (
        lambda y, ybar, n, m, z, *, branch_cut=2, norm=False, diff_n=0: of(
            y, ybar, (n, m, z), {"branch_cut": branch_cut, "norm": norm}, diff_n
        )
    ),
    "sph_legendre_p": lambda of: (
        lambda y, ybar, n, m, theta, *, diff_n=0: of(y, ybar, (n, m, theta), {}, diff_n)
    ),
}
_FORMS |= {f"{name}_all": form for name, form in _FORMS.items()}
for _name, _form in _FORMS.items():
    _legendre(_name, "n, z" if _name.startswith("legendre") else "n, m, z")

# --- spherical harmonics


def _harmonic_wrt_theta(n, m, theta, phi):
    """½(√((n-m)(n+m+1))·e^{-iφ}·Yₙᵐ⁺¹ - √((n+m)(n-m+1))·e^{iφ}·Yₙᵐ⁻¹), from DLMF 14.10.3 and 14.30.1."""
    n, m = onp.asarray(n), onp.asarray(m)
    turn = np.exp(1j * phi)
    up = onp.sqrt(onp.maximum((n - m) * (n + m + 1.0), 0.0))
    down = onp.sqrt(onp.maximum((n + m) * (n - m + 1.0), 0.0))
    above, below = s.sph_harm_y(n, m + 1, theta, phi), s.sph_harm_y(n, m - 1, theta, phi)
    return 0.5 * (up * np.conjugate(turn) * above - down * turn * below)


def _no_derivatives(name, diff_n):
    if diff_n:
        raise NotDifferentiableError(
            f"{name}(diff_n={diff_n}) has no derivative on traced values; leave diff_n out, and take the "
            f"derivatives with funad.jacobian"
        )


def _table(n, m):
    """The orders of the rows and columns of sph_harm_y_all, which has m = 0, 1, …, -1 in its columns."""
    orders = onp.concatenate([onp.arange(m + 1), onp.arange(-m, 0)])
    return onp.arange(n + 1)[:, None], orders[None, :]


def _harmonics_wrt_theta(y, ybar, n, m, theta, phi, *, diff_n=0):
    _no_derivatives("sph_harm_y", diff_n)
    return unbroadcast(np.real(ybar * _harmonic_wrt_theta(n, m, theta, phi)), shape_of(theta))


def _harmonics_wrt_phi(y, ybar, n, m, theta, phi, *, diff_n=0):
    _no_derivatives("sph_harm_y", diff_n)
    return unbroadcast(np.real(ybar * (1j * m * y)), shape_of(phi))


def _all_orders(n, m, theta, phi):
    ndim = len(onp.broadcast_shapes(shape_of(theta), shape_of(phi)))
    return (part.reshape(part.shape + (1,) * ndim) for part in _table(int(n), abs(int(m))))


def _all_wrt_theta(y, ybar, n, m, theta, phi, *, diff_n=0):
    _no_derivatives("sph_harm_y_all", diff_n)
    rows, columns = _all_orders(n, m, theta, phi)
    slopes = _harmonic_wrt_theta(rows, columns, theta, phi)
    return unbroadcast(np.real(ybar * slopes), shape_of(theta))


def _all_wrt_phi(y, ybar, n, m, theta, phi, *, diff_n=0):
    _no_derivatives("sph_harm_y_all", diff_n)
    _, columns = _all_orders(n, m, theta, phi)
    return unbroadcast(np.real(ybar * (1j * columns * y)), shape_of(phi))


if known("sph_harm_y") is not None:
    defvjp(s.sph_harm_y, None, None, _harmonics_wrt_theta, _harmonics_wrt_phi)
    defvjp(s.sph_harm_y_all, None, None, _all_wrt_theta, _all_wrt_phi)

# --- sequences of functions with their slopes, (f, f′), of all orders up to n


def _sequence(f, curvature, order):
    """Give f(order, x) = (w, w′) the rule of x: w″ = curvature(w, w′, orders, x)."""

    def rule(y, ybar, n, x):
        w, bend = y
        orders = order(n, constant(w).shape[0])
        orders = orders.reshape(orders.shape + (1,) * len(shape_of(x)))
        xbar = ybar[0] * bend + ybar[1] * curvature(w, bend, orders, x)
        return _real(x, unbroadcast(xbar, shape_of(x)))

    defvjp(f, None, rule)


def _whole(n, count):
    return onp.arange(float(count))


def _with_fraction(v, count):
    """The orders of pbdv_seq(v) and its like: the fraction of v, and as many more."""
    return v % 1.0 + onp.arange(float(count))


_sequence(s.riccati_jn, lambda w, bend, n, x: (n * (n + 1.0) / (x * x) - 1.0) * w, _whole)
_sequence(s.riccati_yn, lambda w, bend, n, x: (n * (n + 1.0) / (x * x) - 1.0) * w, _whole)
_sequence(s.pbdn_seq, lambda w, bend, n, z: _on_axis(z, (0.25 * z * z - n - 0.5) * w), _whole)


def _parabolic(f, of_one):
    """The rule of x, with slopes of its own: of v < 1, SciPy leaves out the last of them."""

    def rule(y, ybar, v, x):
        orders = _with_fraction(v, constant(y[0]).shape[0])
        w, bend = of_one(orders, x)
        return unbroadcast(ybar[0] * bend + ybar[1] * ((0.25 * x * x - orders - 0.5) * w), shape_of(x))

    defvjp(f, None, rule)


_parabolic(s.pbdv_seq, s.pbdv)
_parabolic(s.pbvv_seq, s.pbvv)
# Jahnke and Emden's Λ_v = Γ(v + 1)·J_v(x)/(x/2)ᵛ; v is also the length of the result, and has no rule.
_sequence(s.lmbda, lambda w, bend, v, x: -w - (2.0 * v + 1.0) * bend / x, _with_fraction)
_sequence(s.lqn, lambda w, bend, n, z: (2.0 * z * bend - n * (n + 1.0) * w) / (1.0 - z * z), _whole)


def _on_axis(z, curvature):
    """Refuse a complex z, of which SciPy's values are not those of D_n: of n = 0 they are exp(-|z|²/4)."""
    if some(onp.imag(constant(z)) != 0):
        raise NotDifferentiableError(
            "pbdn_seq has a derivative for real z only: of a complex z, SciPy's values are not holomorphic"
        )
    return curvature


def _lqmn(y, ybar, m, n, z):
    """(1 - z²)Q″ = 2zQ′ - (n(n + 1) - m²/(1 - z²))Q (DLMF 14.2.2)."""
    q, bend = y
    rows, columns = onp.ogrid[: constant(q).shape[0], : constant(q).shape[1]]
    rows, columns = (part.reshape(part.shape + (1,) * len(shape_of(z))) * 1.0 for part in (rows, columns))
    room = 1.0 - z * z
    curvature = (2.0 * z * bend - (columns * (columns + 1.0) - rows * rows / room) * q) / room
    return _real(z, unbroadcast(ybar[0] * bend + ybar[1] * curvature, shape_of(z)))


defvjp(s.lqmn, None, None, _lqmn)

# --- whole results by differences


def _first(part, length):
    """The first entries of a result whose length depends on the argument; what it lacks is below 1e-16."""
    short = length - shape_of(part)[0]
    return part[:length] if short <= 0 else np.concatenate([part, onp.zeros(short)])


def _by_differences(f, argnums, step):
    """The rules of numbers of which f makes a list, or a tuple of lists."""

    def wrt(argnum):
        def rule(y, ybar, args):
            several = isinstance(y, tuple)
            total = 0.0
            for k, bar in enumerate(ybar if several else [ybar]):
                if bar is None:
                    continue
                length = None if shape_of(bar) == () else shape_of(bar)[0]

                def part(*xs, k=k, length=length):
                    found = f(*xs)[k] if several else f(*xs)
                    return found if length is None else _first(found, length)

                size = onp.max(onp.abs(constant(y[k] if several else y)))
                total = total + np.sum(bar * slope(part, args, argnum, step(args[argnum]), size))
            return total

        return rule

    return [wrt(argnum) for argnum in argnums]


def _small(x):
    return 0.005 * onp.maximum(onp.abs(constant(x)), 0.1)


def _rule_of_q(f):
    (of,) = _by_differences(f, (1,), _beside_zero)
    return lambda y, ybar, m, q: of(y, ybar, (m, q))


def _rule_of_c(f):
    (of,) = _by_differences(f, (2,), _beside_zero)
    return lambda y, ybar, m, n, c: of(y, ybar, (m, n, c))


def _beside_zero(x):
    """The step for a parameter of which 0 is an end: on one side of it, if there is room."""
    return onp.clip(0.22 * onp.abs(constant(x)), 0.0005, near(x))


for _f in (s.mathieu_even_coef, s.mathieu_odd_coef):
    defvjp(_f, None, _rule_of_q(_f))
for _f in (s.pro_cv_seq, s.obl_cv_seq):
    defvjp(_f, None, None, _rule_of_c(_f))


def _above(bound):
    """The step of a parameter that is above a bound; weights grow with it as Γ does."""
    return lambda x: onp.minimum(of_shape(constant(x) - bound), 0.03)


def _roots_of_one(f, bound):
    """The rule of the parameter of (nodes, weights) = f(n, α), or (nodes, weights, sum)."""
    (of,) = _by_differences(f, (1,), _above(bound))
    defvjp(f, None, lambda y, ybar, n, alpha, mu=False: of(y, ybar, (n, alpha, mu)))


_roots_of_one(s.roots_genlaguerre, -1.0)
_roots_of_one(s.roots_gegenbauer, -0.5)
_of_alpha, _of_beta = _by_differences(s.roots_jacobi, (1, 2), _above(-1.0))
defvjp(
    s.roots_jacobi,
    None,
    lambda y, ybar, n, alpha, beta, mu=False: _of_alpha(y, ybar, (n, alpha, beta, mu)),
    lambda y, ybar, n, alpha, beta, mu=False: _of_beta(y, ybar, (n, alpha, beta, mu)),
)
(_of_p,) = _by_differences(s.roots_sh_jacobi, (1,), _small)
(_of_q,) = _by_differences(s.roots_sh_jacobi, (2,), _small)
defvjp(
    s.roots_sh_jacobi,
    None,
    lambda y, ybar, n, p1, q1, mu=False: _of_p(y, ybar, (n, p1, q1, mu)),
    lambda y, ybar, n, p1, q1, mu=False: _of_q(y, ybar, (n, p1, q1, mu)),
)

# --- ellipsoidal harmonics: smooth but at their branch points, where the differences do not agree


def _calmly(f):
    """f without the warnings of its quadrature, which has given them already where it was called."""

    def calm(*args):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return f(*args)

    return calm


def _harmonic(f):
    """The rules of h², k² and s."""

    def wrt(argnum):
        def rule(y, ybar, h2, k2, n, p, s, signm=1, signn=1):
            args = (h2, k2, n, p, s, signm, signn)
            return ybar * slope(f, args, argnum, 0.4 * _small(args[argnum]))

        return rule

    elementwise(f, *map(wrt, (0, 1, 4)), argnums=(0, 1, 4))


_harmonic(s.ellip_harm)


def _harmonic_2_wrt(argnum):
    f = _calmly(s.ellip_harm_2)

    def rule(y, ybar, h2, k2, n, p, s):
        args = (h2, k2, n, p, s)
        return ybar * slope(f, args, argnum, 0.4 * _small(args[argnum]))

    return rule


elementwise(s.ellip_harm_2, *map(_harmonic_2_wrt, (0, 1, 4)), argnums=(0, 1, 4))


def _normal_wrt(argnum):
    f = _calmly(s.ellip_normal)

    def rule(y, ybar, h2, k2, n, p):
        args = (h2, k2, n, p)
        return ybar * slope(f, args, argnum, 0.4 * _small(args[argnum]))

    return rule


elementwise(s.ellip_normal, *map(_normal_wrt, (0, 1)), argnums=(0, 1))
