"""Robertson's chemical reactions: three rates found from concentrations, through a stiff equation."""

import numpy as onp
from options import common, report, start
from picture import save, subplots
from scipy.optimize import least_squares

import funad.numpy as np
from funad import grad, jvp
from funad.scipy import integrate

RATES = onp.log([0.04, 3e7, 1e4])  # Robertson (1966); logarithms, as the rates differ by 9 decades
TIMES = onp.geomspace(1e-2, 1e4, 13)
TOLERANCES, TIGHT = ({"rtol": e, "atol": [e / 100, e / 1e6, e / 100]} for e in (1e-6, 1e-10))


def react(t, y, rates):
    """Return how fast A, B and C become more: A → B, B + B → C + B and B + C → A + C."""
    first, second, third = rates[0] * y[0], rates[1] * y[1] ** 2, rates[2] * y[1] * y[2]
    return [third - first, first - second - third, second]


def concentrations(rates, times=TIMES, **options):
    """Return those of A, B and C, the second in 1e-5; rates are logarithms."""
    options = {"method": "BDF", "t_eval": times, "args": (np.exp(rates),), **TOLERANCES, **options}
    found = integrate.solve_ivp(react, (0.0, times[-1]), [1.0, 0.0, 0.0], **options)
    return found.y * onp.array([[1.0], [1e5], [1.0]])


def fit(data):
    """Return the rates and their standard errors; the columns of the Jacobian are forward sensitivities."""

    def misfit(rates):
        return np.ravel((concentrations(rates) - data) / (0.005 * data + 1e-6))

    def slopes(rates):
        return onp.stack([jvp(misfit, (rates,), (unit,))[1] for unit in onp.eye(3)], axis=1)

    found = least_squares(misfit, RATES + onp.array([0.5, -0.7, 0.6]), jac=slopes)
    return found.x, onp.sqrt(onp.diag(onp.linalg.inv(found.jac.T @ found.jac)))


def draw(rates, data, path):
    """Draw the measurements and the fit."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 5))
    fine = onp.geomspace(TIMES[0], TIMES[-1], 200)
    for n, (name, curve) in enumerate(zip("ABC", concentrations(rates, fine), strict=True)):
        axes = right if name == "B" else left
        axes.semilogx(fine, curve, color=f"C{n}", label=name)
        axes.semilogx(TIMES, data[n], "o", color=f"C{n}")
    left.set(xlabel="time (s)", ylabel="concentration", title="A and C, measured and fitted")
    right.set(
        xlabel="time (s)", ylabel="concentration (10⁻⁵)", title="B, which is gone as soon as it is there"
    )
    left.legend(loc="center left")
    return save(figure, path)


def main(arguments=None):
    """Find the rates from measurements, and the gradient by the continuous adjoint; return the errors."""
    options = common(__doc__, "robertson").parse_args(arguments)
    noise = onp.random.default_rng(options.seed).normal(size=(3, TIMES.size))
    rates, errors = fit(data := concentrations(RATES) * (1 + 0.005 * noise))

    def last(rates, **options):
        return concentrations(rates, **options)[0, -1]

    moved = [(last(RATES + e, **TIGHT) - last(RATES - e, **TIGHT)) / 2e-3 for e in 1e-3 * onp.eye(3)]
    error = onp.max(onp.abs(grad(last)(RATES) - moved)) / onp.max(onp.abs(moved))
    return report(
        draw(rates, data, options.out),
        {
            "error of the rates (standard errors)": (onp.max(onp.abs(rates - RATES) / errors), "<=", 3.0),
            "relative error of the adjoint": (error, "<=", 1e-5),
        },
    )


if __name__ == "__main__":
    start(main)
