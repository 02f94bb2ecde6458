"""Which distribution have the radii of tumours? Five by maximum likelihood, with standard errors."""

import numpy as onp
from options import common, report, start
from picture import save, subplots
from scipy import stats as plain
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer

import funad.numpy as np
from funad import hessian, value_and_grad
from funad.scipy import stats

# name: (log p of the radii x, where the fit starts); parameters are positive, so their logarithms are free.
MODELS = {
    "normal": (lambda x, m, s: stats.norm.logpdf(x, m, s), (14.0, 3.0)),
    "gamma": (lambda x, a, s: stats.gamma.logpdf(x, a, scale=s), (10.0, 1.0)),
    "log-normal": (lambda x, s, m: stats.lognorm.logpdf(x, s, scale=m), (0.3, 14.0)),
    "Weibull": (lambda x, c, s: stats.weibull_min.logpdf(x, c, scale=s), (4.0, 15.0)),
    "inverse Gaussian": (lambda x, m, s: stats.invgauss.logpdf(x, m, scale=s), (0.1, 200.0)),
}
SCIPY = {  # the same fits by SciPy's own methods, parameters in our order
    "normal": lambda x: plain.norm.fit(x),
    "gamma": lambda x: plain.gamma.fit(x, floc=0)[::2],
    "log-normal": lambda x: plain.lognorm.fit(x, floc=0)[::2],
    "inverse Gaussian": lambda x: plain.invgauss.fit(x, floc=0)[::2],
}


def fit(log_p, x, first):
    """Return the parameters of the largest likelihood, their standard errors, and log p there."""

    def cost(params):
        return -np.sum(log_p(x, *params))

    found = minimize(value_and_grad(lambda free: cost(np.exp(free))), onp.log(first), jac=True, tol=1e-9)
    best = onp.exp(found.x)
    return best, onp.sqrt(onp.diag(onp.linalg.inv(hessian(cost)(best)))), -found.fun


def draw(fits, x, path):
    """Draw the densities over a histogram of the radii."""
    figure, axes = subplots(figsize=(10, 6))
    axes.hist(x, bins=40, density=True, color="lightgray", label="measured")
    line = onp.linspace(x.min(), x.max(), 300)
    ranked = sorted(fits.items(), key=lambda item: item[1][2])
    for name, (best, _, likelihood) in reversed(ranked):
        density, style = onp.exp(MODELS[name][0](line, *best)), "--" if name == ranked[-2][0] else "-"
        axes.plot(line, density, style, label=f"{name}: log p = {likelihood:.1f}")
    axes.set(xlabel="mean radius of the nuclei", ylabel="density", title="569 tumours and five distributions")
    axes.legend()
    return save(figure, path)


def main(arguments=None):
    """Fit the five, hold them against SciPy and a closed form, draw, and return the figures reached."""
    options = common(__doc__, "five_distributions").parse_args(arguments)
    x = load_breast_cancer().data[:, 0]
    fits = {name: fit(log_p, x, first) for name, (log_p, first) in MODELS.items()}
    for name, (best, errors, likelihood) in fits.items():
        numbers = ", ".join(f"{b:.4f} ± {e:.4f}" for b, e in zip(best, errors, strict=True))
        print(f"{name:>16}: {numbers}, log p = {likelihood:.2f}")
    draw(fits, x, options.out)
    far = max(abs(onp.array(theirs(x)) / fits[name][0] - 1).max() for name, theirs in SCIPY.items())
    _, (of_mean, of_deviation), _ = fits["normal"]
    exact = x.std() * onp.array([1, onp.sqrt(0.5)]) / onp.sqrt(len(x))  # σ/√n and σ/√2n
    return report(
        options.out,
        {
            "largest relative distance from SciPy's fits": (far, "<=", 1e-5),
            "relative error of a standard error": (
                abs([of_mean, of_deviation] / exact - 1).max(),
                "<=",
                1e-5,
            ),
            "gain in log p over the normal": (fits["log-normal"][2] - fits["normal"][2], ">=", 30.0),
        },
    )


if __name__ == "__main__":
    start(main)
