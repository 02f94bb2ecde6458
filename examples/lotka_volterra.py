"""Lynxes and hares, 1900 to 1920: Lotka and Volterra's equations fitted through solve_ivp."""

import numpy as onp
from options import common, report, start
from picture import save, subplots
from scipy.optimize import minimize

import funad.numpy as np
from funad import hessian, value_and_grad
from funad.scipy import integrate

# Pelts of the Hudson's Bay Company in thousands (Howard 2009; Carpenter, Stan case studies, 2018).
YEARS = onp.arange(1900.0, 1921.0)
HARES = [30, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22, 25.4, 27.1, 40.3, 57, 76.6, 52.3, 19.5, 11.2, 7.6,
         14.6, 16.2, 24.7]  # fmt: skip
LYNXES = [4, 6.1, 9.8, 35.2, 59.4, 41.7, 19, 13, 8.3, 9.1, 7.4, 8, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8, 9.7,
          10.1, 8.6]  # fmt: skip
PELTS, PUBLISHED = onp.log([HARES, LYNXES]), [0.55, 0.028, 0.80, 0.024]  # means of Carpenter's posterior


def grow(t, y, rates):
    """Return how fast hares and lynxes become more."""
    birth, eaten, death, fed = rates
    return [birth * y[0] - eaten * y[0] * y[1], fed * y[0] * y[1] - death * y[1]]


def animals(params, years):
    """Return how many there are of both in these years; params are logarithms of four rates and a start."""
    rates, first = np.exp(params[:4]), np.exp(params[4:])
    span, options = (years[0], years[-1]), {"rtol": 1e-6, "atol": 1e-8}
    return integrate.solve_ivp(grow, span, first, t_eval=years, args=(rates,), **options).y


def loss(params):
    """Return half of the sum of the squares of all errors of logarithms."""
    return 0.5 * np.sum((np.log(animals(params, YEARS)) - PELTS) ** 2)


def fit():
    """Return the fit and its standard errors, of the Hessian."""
    first = onp.concatenate([onp.log([0.5, 0.025, 0.8, 0.025]), PELTS[:, 0]])
    found = minimize(value_and_grad(loss), first, jac=True, method="BFGS", options={"gtol": 1e-7})
    variance = 2 * loss(found.x) / (PELTS.size - found.x.size)
    return found.x, onp.sqrt(onp.diag(onp.linalg.inv(hessian(loss)(found.x))) * variance)


def draw(params, errors, path):
    """Draw the pelts and the fit, and the rates with their standard errors."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 5), width_ratios=(2, 1))
    fine = onp.linspace(YEARS[0], YEARS[-1], 400)
    for n, (name, curve) in enumerate(zip(("hares", "lynxes"), animals(params, fine), strict=True)):
        left.plot(YEARS, onp.exp(PELTS[n]), "o", color=f"C{n}")
        left.plot(fine, curve, color=f"C{n}", label=name)
    left.set(xlabel="year", ylabel="thousands of pelts", title="Pelts (dots) and the fit (lines)")
    left.set_xticks(YEARS[::5].astype(int))
    left.legend()
    names = ("birth of hares", "hares eaten", "death of lynxes", "lynxes fed")
    right.errorbar(onp.exp(params[:4]), names, xerr=1.96 * onp.exp(params[:4]) * errors[:4], fmt="o")
    right.set(xscale="log", title="Rates, 95 %", xlabel="per year (eaten and fed: per thousand pelts too)")
    return save(figure, path)


def main(arguments=None):
    """Fit the equations, compare with the published fit, and return what came of it."""
    options, (params, errors) = common(__doc__, "lotka_volterra").parse_args(arguments), fit()
    slope, steps = value_and_grad(loss)(params)[1], 1e-4 * onp.eye(6)
    moved = [(loss(params + e) - loss(params - e)) / 2e-4 for e in steps]
    apart = onp.abs(params[:4] - onp.log(PUBLISHED)) / errors[:4]
    return report(
        draw(params, errors, options.out),
        {
            "standard deviation of a logarithm": (onp.sqrt(2 * loss(params) / 36), "<=", 0.3),
            "distance from the published rates (standard errors)": (onp.max(apart), "<=", 1.0),
            "largest slope there": (onp.max(onp.abs(slope)), "<=", 1e-4),
            "distance of the gradient from differences": (onp.max(onp.abs(slope - moved)), "<=", 1e-3),
        },
    )


if __name__ == "__main__":
    start(main)
