"""The volatility that a price implies, and its Greeks: derivatives of a root that brentq has found."""

import numpy as onp
from options import common, report, start
from picture import save, subplots

import funad.numpy as np
from funad import grad, vmap
from funad.scipy import optimize, special

RATE, SPOT, YEARS = 0.03, 100.0, 0.5


def price(volatility, spot, strike, years):
    """Return the price of a call by Black and Scholes (1973)."""
    spread = volatility * np.sqrt(years)
    d = (np.log(spot / strike) + (RATE + volatility**2 / 2) * years) / spread
    return spot * special.ndtr(d) - strike * np.exp(-RATE * years) * special.ndtr(d - spread)


def implied(paid, spot, strike, years):
    """Return the volatility at which a call has the price that is paid for it."""
    return optimize.brentq(lambda v: price(v, spot, strike, years) - paid, 1e-4, 4.0)


def greeks(volatility, spot, strike, years):
    """Return delta, vega and gamma: ∂/∂spot, ∂/∂volatility and ∂²/∂spot² of the price of a call."""
    delta, vega = grad(price, 1), grad(price, 0)
    return [f(volatility, spot, strike, years) for f in (delta, vega, grad(delta, 1))]


def smile(strike):
    """Return the volatility that is put in for each strike, as markets have it."""
    return 0.2 + 0.3 * np.log(SPOT / strike) ** 2 + 0.08 * np.log(SPOT / strike)


def draw(strikes, found, slopes, exact, path):
    """Draw the smile that is found again from the prices, and how sure it is."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 5))
    left.plot(strikes, found, "o", color="C0", label="implied by the prices")
    error = 0.02 * slopes
    left.fill_between(
        strikes, found - error, found + error, alpha=0.3, label="of a price that is 2 cents off"
    )
    left.plot(strikes, smile(strikes), color="C3", label="put in")
    left.set(xlabel="strike", ylabel="volatility", title="A smile, found again from prices")
    left.legend()
    right.semilogy(strikes, exact, color="C3", label="1 / vega")
    right.semilogy(strikes, slopes, "o", color="C0", label="gradient of brentq's root")
    right.set(xlabel="strike", ylabel="∂volatility/∂price", title="What a cent more says of the volatility")
    right.legend()
    return save(figure, path)


def main(arguments=None):
    """Find the volatilities of a row of strikes again, with their derivatives, and return the errors."""
    options = common(__doc__, "implied_volatility").parse_args(arguments)
    strikes = onp.linspace(70.0, 140.0, 29)
    paid = price(smile(strikes), SPOT, strikes, YEARS)
    found = vmap(implied, in_axes=(0, None, 0, None))(paid, SPOT, strikes, YEARS)
    slopes = vmap(grad(implied), in_axes=(0, None, 0, None))(paid, SPOT, strikes, YEARS)
    _, vega, _ = greeks(0.25, SPOT, 110.0, YEARS)
    exact = 1 / onp.array([greeks(v, SPOT, k, YEARS)[1] for v, k in zip(found, strikes, strict=True)])
    # dvega/dσ of the inverse function: d²σ/dp² = −(∂vega/∂σ) / vega³.
    second = grad(grad(implied))(price(0.25, SPOT, 110.0, YEARS), SPOT, 110.0, YEARS)
    curved = -grad(grad(price))(0.25, SPOT, 110.0, YEARS) / vega**3
    return report(
        draw(strikes, found, slopes, exact, options.out),
        {
            "largest error of a volatility": (onp.max(onp.abs(found - smile(strikes))), "<=", 1e-9),
            "largest relative error of a slope": (onp.max(onp.abs(slopes / exact - 1)), "<=", 1e-9),
            "relative error of a curvature": (abs(second / curved - 1), "<=", 1e-9),
        },
    )


if __name__ == "__main__":
    start(main)
