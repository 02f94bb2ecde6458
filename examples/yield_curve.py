"""A yield curve through eight quotes, and what each of them is to a bond: a spline inside of a root."""

import numpy as onp
from options import common, report, start
from picture import save, subplots

import funad.numpy as np
from funad import grad, hvp, jacobian
from funad.scipy import interpolate, optimize

# Par yields of the U.S. Treasury on 29 December 2023, taken for coupons that are paid once a year.
YEARS = onp.array([1, 2, 3, 5, 7, 10, 20, 30])
QUOTES = onp.array([4.79, 4.23, 4.01, 3.84, 3.88, 3.88, 4.20, 4.03]) / 100
TIMES = onp.arange(1.0, 31.0)


def discount(rates, t):
    """Return what 1 in t years is worth now, for a spline through the rates of the quoted years."""
    return np.exp(-t * interpolate.CubicSpline(YEARS, rates, bc_type="natural")(t))


def prices(rates, coupons, years):
    """Return what bonds are worth now that pay coupons, so many years, and then 1."""
    worth = discount(rates, TIMES)
    return coupons * np.cumsum(worth)[years - 1] + worth[years - 1]


def curve(quotes):
    """Return the rates at which each bond with the quoted coupon is worth 1."""

    def missing(rates):
        return prices(rates, quotes, YEARS) - 1.0

    return optimize.root(missing, onp.log1p(QUOTES), jac=jacobian(missing), tol=1e-13).x


def value(quotes, coupon=0.06, years=12):
    """Return what a bond is worth for these quotes: it is none of those that are quoted."""
    return prices(curve(quotes), coupon, years)


def draw(rates, slopes, path):
    """Draw the curve with its forward rates, and how much each quote counts for the bond."""
    t = onp.linspace(1.0, 30.0, 200)
    forward = -grad(lambda t: np.sum(np.log(discount(rates, t))))(t)
    figure, (left, right) = subplots(1, 2, figsize=(13, 5))
    left.plot(t, -100 * onp.log(discount(rates, t)) / t, label="zero rate")
    left.plot(t, 100 * forward, label="forward rate: a derivative in time")
    left.plot(YEARS, 100 * QUOTES, "o", color="black", label="quoted")
    left.set(xlabel="years", ylabel="%", title="A curve through quotes")
    left.legend()
    right.bar([f"{y:g}" for y in YEARS], -slopes, color="C3")
    right.set(xlabel="years of the quote", ylabel="-∂price/∂quote", title="A 6% bond of 12 years")
    return save(figure, path)


def main(arguments=None):
    """Find the curve and the derivatives of prices, and return how far they are from the truth."""
    options = common(__doc__, "yield_curve").parse_args(arguments)
    rates, slopes = curve(QUOTES), grad(value)(QUOTES)
    # A bond that is quoted is worth 1 + (coupon - quote)·annuity, whatever the other quotes are.
    hedges = jacobian(lambda quotes: prices(curve(quotes), QUOTES, YEARS))(QUOTES)
    annuities = onp.cumsum(discount(rates, TIMES))[YEARS - 1]
    # How the slopes move with all quotes at once.
    step = 1e-4
    ahead = (grad(value)(QUOTES + step) - grad(value)(QUOTES - step)) / (2 * step)
    curved = hvp(value)(QUOTES, onp.ones(8))
    return report(
        draw(rates, slopes, options.out),
        {
            "largest error of a hedge": (onp.max(onp.abs(hedges + onp.diag(annuities))), "<=", 1e-10),
            "relative error of convexity": (onp.max(onp.abs(curved / ahead - 1)), "<=", 1e-4),
        },
    )


if __name__ == "__main__":
    start(main)
