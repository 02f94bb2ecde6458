"""Derivatives of the functions of SciPy by mpmath, from their definitions.

Each line of a table is a definition and a domain per argument. ``python -m tests.references.make`` computes
the derivatives at twenty points of each and keeps them in tests/data; the tests compare with what is kept.
"""

import dataclasses
from collections.abc import Callable

import numpy as onp
from mpmath import mp, mpf

# The files of tests/data, and the modules here that have their tables.
FILES = {
    "special_elementary": "elementary",
    "special_bessel": "bessel",
    "special_polynomials": "polynomials",
    "special_spheroidal": "spheroidal",
    "special_distributions": "distributions",
    "stats": "stats",
}
COUNT = 20
ORDERS = (1, 7, 3, 11, 9, 13, 17)  # steps through the points of each argument, of which none divides COUNT


@dataclasses.dataclass(frozen=True)
class Reference:
    """A function of numbers, as mpmath has it, and as SciPy does.

    ``f`` takes numbers of mpmath. Where ``place`` is given, SciPy's function is the inverse of ``f`` in that
    argument. ``call`` takes the module and the arguments, and returns one real number of SciPy's result. A
    domain is a pair, of which points are taken evenly in the logarithm and on both sides of 0, or a list,
    which is of whole numbers and other constants. Constants have no derivative. A ``scalar`` call takes
    numbers one by one.
    """

    f: Callable
    domains: tuple
    call: Callable | None = None
    place: int | None = None
    digits: int = 45
    scalar: bool = False

    @property
    def argnums(self):
        return tuple(n for n, domain in enumerate(self.domains) if isinstance(domain, tuple))


def of(f, *domains, **options):
    """Return a reference: the function, and a domain per argument."""
    return Reference(f, domains, **options)


def inverse(f, place, *domains, **options):
    """Return the reference of the inverse of f in one argument."""
    return Reference(f, domains, place=place, **options)


def points(reference):
    """Return the arguments as columns: each domain is gone through in an order of its own."""
    columns = []
    for k, domain in enumerate(reference.domains):
        column = onp.resize(domain, COUNT) if isinstance(domain, list) else _spread(*domain)
        columns.append(column[(onp.arange(COUNT) * ORDERS[k]) % COUNT])
    return columns


def _spread(low, high):
    if low * high > 0:
        return onp.geomspace(low, high, COUNT)
    if low == 0 or high == 0:
        raise ValueError("a domain ends beside 0")
    half = COUNT // 2
    return onp.concatenate([onp.geomspace(low, low / 100, half), onp.geomspace(high / 100, high, half)])


def derivatives(reference, args, start=None):
    """Return y and, for each argument with a derivative, ∂y and ∂²y.

    An inverse has ∂y alone, by the derivatives of what it inverts at the root beside ``start``.
    """
    with mp.workdps(reference.digits):
        xs = [mpf(float(x)) if isinstance(x, float) else x for x in map(_plain, args)]
        if reference.place is not None:
            return _of_inverse(reference, xs, start)
        y = reference.f(*xs)
        return y, {n: _differences(reference.f, xs, n, y) for n in reference.argnums}


def _plain(x):
    return x.item() if isinstance(x, onp.generic) else x


def _differences(f, xs, n, y):
    """∂f and ∂²f, with twice the digits until neither is lost in the rounding of y."""
    few = mp.dps
    for digits in (few, 2 * few, 4 * few, 12 * few):
        with mp.workdps(digits):
            h = abs(xs[n]) * mpf(10) ** (-digits // 3)
            y = y if digits == few else f(*xs)
            high, low = (f(*xs[:n], x, *xs[n + 1 :]) for x in (xs[n] + h, xs[n] - h))
            slope, curvature = (high - low) / (2 * h), (high - 2 * y + low) / (h * h)
            noise = abs(y) * mpf(10) ** -digits
            if noise < abs(slope) * h * 1e-17 and noise < abs(curvature) * h * h * 1e-11:
                break
    # What has not come out of the rounding by now is 0: y is constant in x, or linear.
    floor = mpf(10) ** 10
    return slope if abs(slope) * h > noise * floor else mpf(0), (
        curvature if abs(curvature) * h * h > noise * floor else mpf(0)
    )


def _of_inverse(reference, xs, start):
    f, place = reference.f, reference.place
    p = xs[place]
    at = [*xs[:place], mpf(float(start)), *xs[place + 1 :]]
    for _ in range(6):
        miss = f(*at) - p
        steepness, bend = _differences(f, at, place, miss + p)
        at[place] -= miss / steepness
        if abs(miss) < abs(steepness * at[place]) * mpf(10) ** -20:
            break
    else:
        raise ValueError(f"there is no root beside {start} for {xs}")
    y = at[place]
    slopes = {}
    for n in reference.argnums:
        if n == place:
            slopes[n] = 1 / steepness, -bend / steepness**3
        else:
            slopes[n] = -_differences(f, at, n, p)[0] / steepness, None
    return y, slopes
