"""The distributions of scipy.stats that are used most, by mpmath: all methods, and the tails."""

from mpmath import mp, mpf

from . import inverse, of
from .distributions import beta_density, betainc, betaincc, gamma_density, lower, stdtr, upper

LOC, SCALE = (-0.2, -0.01), (0.5, 3.0)
SHARE, FAR = (0.01, 0.99), (1e-12, 0.999999)


class Distribution:
    """The density, the distribution function and its complement, and where to take x and the shapes.

    ``near`` is where x is beside a location and a scale, ``far`` where it is alone, and ``wide`` has the
    shapes there.
    """

    def __init__(self, density, below, above, near, far, shapes=(), wide=None):
        self.density, self.below, self.above = density, below, above
        self.near, self.far, self.shapes = near, far, shapes
        self.wide = shapes if wide is None else wide


def _student_density(t, df):
    front = mp.gamma((df + 1) / 2) / mp.gamma(df / 2) / mp.sqrt(mp.pi * df)
    return front * mp.exp(-(df + 1) / 2 * mp.log1p(t * t / df))


def _log_normal(f):
    return lambda x, s: f(mp.log(x) / s)


POSITIVE = (0.05, 9.0)
CONTINUOUS = {
    "norm": Distribution(mp.npdf, mp.ncdf, lambda z: mp.ncdf(-z), (-9.0, 9.0), (-37.0, 37.0)),
    "t": Distribution(
        _student_density,
        lambda t, df: stdtr(df, t),
        lambda t, df: stdtr(df, -t),
        (-9.0, 9.0),
        (-30.0, 30.0),
        ((0.5, 50.0),),
        ((0.5, 1e10),),
    ),
    "gamma": Distribution(
        lambda x, a: gamma_density(a, x),
        lambda x, a: lower(a, x),
        lambda x, a: upper(a, x),
        POSITIVE,
        (1e-4, 600.0),
        ((0.5, 30.0),),
        ((0.05, 90.0),),
    ),
    "chi2": Distribution(
        lambda x, df: gamma_density(df / 2, x / 2) / 2,
        lambda x, df: lower(df / 2, x / 2),
        lambda x, df: upper(df / 2, x / 2),
        POSITIVE,
        (1e-4, 1e3),
        ((1.0, 60.0),),
        ((0.1, 180.0),),
    ),
    "beta": Distribution(
        lambda x, a, b: beta_density(a, b, x),
        lambda x, a, b: betainc(a, b, x),
        lambda x, a, b: betaincc(a, b, x),
        (0.01, 0.2),
        (1e-10, 0.9999),
        ((0.3, 30.0), (0.3, 20.0)),
    ),
    "expon": Distribution(
        lambda x: mp.exp(-x), lambda x: -mp.expm1(-x), lambda x: mp.exp(-x), POSITIVE, (1e-8, 700.0)
    ),
    "lognorm": Distribution(
        lambda x, s: mp.npdf(mp.log(x) / s) / (s * x),
        _log_normal(mp.ncdf),
        _log_normal(lambda z: mp.ncdf(-z)),
        POSITIVE,
        (1e-6, 1e6),
        ((0.4, 3.0),),
    ),
    "weibull_min": Distribution(
        lambda x, c: c * x ** (c - 1) * mp.exp(-(x**c)),
        lambda x, c: -mp.expm1(-(x**c)),
        lambda x, c: mp.exp(-(x**c)),
        POSITIVE,
        (1e-6, 60.0),
        ((0.3, 2.0),),
        ((0.2, 1.5),),
    ),
    "uniform": Distribution(lambda x: mpf(1), lambda x: x, lambda x: 1 - x, (0.01, 0.2), (1e-8, 0.9999)),
}


def _log(f):
    return lambda *args: mp.log(f(*args))


def _log_of_tail(f, rest):
    """log f, by 1 - f where f is near 1."""

    def of_x(*args):
        y = f(*args)
        return mp.log(y) if y < 0.5 else mp.log1p(-rest(*args))

    return of_x


def _scaled(f, density=False):
    def of_x(x, *shapes_loc_scale):
        *shapes, loc, scale = shapes_loc_scale
        y = f((x - loc) / scale, *shapes)
        return y / scale if density else y

    return of_x


def _call(name, method):
    return lambda s, *args: getattr(getattr(s.stats, name), method)(*args)


def _of(name, d):
    """The references of all methods of a distribution: with a location and a scale, and without."""
    found = {}
    digits = 70 if name == "t" else 40  # log Γ of 1e10 takes digits
    bases = {
        "pdf": d.density,
        "logpdf": _log(d.density),
        "cdf": d.below,
        "logcdf": _log_of_tail(d.below, d.above),
        "sf": d.above,
        "logsf": _log_of_tail(d.above, d.below),
    }
    for method, f in bases.items():
        call = _call(name, method)
        if method == "logpdf":
            scaled = _log(_scaled(d.density, density=True))
        else:
            scaled = _scaled(f, density=method == "pdf")
        found[f"{name}.{method}"] = of(scaled, d.near, *d.shapes, LOC, SCALE, call=call, digits=digits)
        found[f"{name}.{method}:far"] = of(f, d.far, *d.wide, call=call, digits=digits)
    for method, f in (("ppf", d.below), ("isf", d.above)):
        call = _call(name, method)
        found[f"{name}.{method}"] = inverse(
            _scaled(f), 0, SHARE, *d.shapes, LOC, SCALE, call=call, digits=digits
        )
        share = (0.02, 0.999) if (name, method) == ("beta", "isf") else FAR  # below, x is 1
        found[f"{name}.{method}:far"] = inverse(f, 0, share, *d.shapes, call=call, digits=digits)
    return found


def binomial_mass(k, n, p):
    return mp.binomial(n, k) * p**k * (1 - p) ** (n - k)


def poisson_mass(k, mu):
    return mp.exp(-mu) * mu**k / mp.factorial(k)


def _discrete(name, mass, below, above, counts, *domains):
    bases = {
        "pmf": mass,
        "logpmf": _log(mass),
        "cdf": below,
        "logcdf": _log_of_tail(below, above),
        "sf": above,
        "logsf": _log_of_tail(above, below),
    }
    return {
        f"{name}.{method}": of(f, counts, *domains, call=_call(name, method), digits=40)
        for method, f in bases.items()
    }


def _normal_of_two(x, y, mean_x, mean_y, a, b, c):
    """The density of two normal variables with the covariance [[a, b], [b, c]]."""
    x, y, det = x - mean_x, y - mean_y, a * c - b * b
    return mp.exp(-(c * x * x - 2 * b * x * y + a * y * y) / (2 * det)) / (2 * mp.pi * mp.sqrt(det))


def _call_of_two(method):
    def call(s, x, y, mean_x, mean_y, a, b, c):
        cov = s.np.stack([s.np.stack([a, b]), s.np.stack([b, c])])
        point, mean = s.np.stack([x, y]), s.np.stack([mean_x, mean_y])
        return getattr(s.stats.multivariate_normal, method)(point, mean, cov)

    return call


TABLE = {
    **{key: reference for name, d in CONTINUOUS.items() for key, reference in _of(name, d).items()},
    **_discrete(
        "poisson",
        poisson_mass,
        lambda k, mu: upper(k + 1, mu),
        lambda k, mu: lower(k + 1, mu),
        [0, 1, 3, 20],
        (1e-4, 300.0),
    ),
    **_discrete(
        "binom",
        binomial_mass,
        lambda k, n, p: betaincc(k + 1, n - k, p),
        lambda k, n, p: betainc(k + 1, n - k, p),
        [0, 1, 3],
        [4, 9, 30],
        (1e-6, 0.9999),
    ),
    **{
        f"multivariate_normal.{method}": of(
            f,
            (-2.0, 3.0),
            (-3.0, 1.0),
            (-0.5, 0.4),
            (0.1, 0.7),
            (0.8, 3.0),
            (-0.6, 0.5),
            (0.7, 2.0),
            call=_call_of_two(method),
            scalar=True,
        )
        for method, f in (("pdf", _normal_of_two), ("logpdf", _log(_normal_of_two)))
    },
    **_discrete(
        "bernoulli",
        lambda k, p: p if k else 1 - p,
        lambda k, p: 1 - p,
        lambda k, p: p,
        [0],
        (1e-6, 0.9999),
    ),
}
