"""How long a remission lasts, when some have not ended: a censored Weibull fit, and how sure it is."""

import numpy as onp
from options import common, report, start
from picture import save, subplots
from scipy.optimize import minimize

import funad.numpy as np
from funad import hessian, jacobian, value_and_grad
from funad.scipy import stats

# Weeks in remission of children with leukaemia, negative where it had not ended when the study did
# (Freireich et al., The effect of 6-mercaptopurine on the duration of steroid-induced remissions, 1963).
DRUG = onp.array([6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35])
PLACEBO = onp.array([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23])
# What lifelines 0.30.3 finds by its WeibullAFTFitter, of the data as it has them (load_leukemia).
BY_LIFELINES = onp.array([2.24835, 1.26733, 0.31171])  # log(weeks) on placebo, what the drug adds, log(shape)
ERRORS_BY_LIFELINES = onp.array([0.16597, 0.31064, 0.14729])


def log_survival(params, weeks, drug):
    """Return log P(the remission lasts longer), by a Weibull distribution."""
    return stats.weibull_min.logsf(weeks, np.exp(params[2]), scale=np.exp(params[0] + params[1] * drug))


def cost(params, weeks, drug, ended):
    """Return -log p of what was seen: a density where the remission ended, a probability where it had not."""
    scale, shape = np.exp(params[0] + params[1] * drug), np.exp(params[2])
    seen = stats.weibull_min.logpdf(weeks[ended], shape, scale=scale[ended])
    return -np.sum(seen) - np.sum(log_survival(params, weeks[~ended], drug[~ended]))


def kaplan_meier(times):
    """Return the weeks at which remissions ended and the share that lasted longer, assuming no form."""
    weeks, ended = abs(times), times > 0
    ends = onp.unique(weeks[ended])
    left = onp.array([1 - onp.sum((weeks == t) & ended) / onp.sum(weeks >= t) for t in ends])
    return onp.append(0, ends), onp.append(1, onp.cumprod(left))


def draw(params, covariance, path):
    """Draw both curves with bands of two standard errors, over Kaplan and Meier's steps."""
    figure, axes = subplots(figsize=(10, 6))
    weeks = onp.linspace(0.1, 36, 200)
    for drug, times, color, name in ((1.0, DRUG, "C0", "the drug"), (0.0, PLACEBO, "C3", "placebo")):
        curve = log_survival(params, weeks, drug)
        slope = jacobian(log_survival)(params, weeks, drug)
        error = onp.sqrt(onp.einsum("ni,ij,nj->n", slope, covariance, slope))  # of log P, by its slope
        axes.plot(weeks, onp.exp(curve), color=color, label=f"Weibull, {name}")
        band = [onp.exp(onp.minimum(curve + side * error, 0)) for side in (-2, 2)]
        axes.fill_between(weeks, *band, color=color, alpha=0.2, label="± 2 standard errors")
        axes.step(
            *kaplan_meier(times), where="post", color=color, linestyle="--", label=f"Kaplan and Meier, {name}"
        )
    axes.set(xlabel="weeks", ylabel="share still in remission", title="A Weibull fit to censored times")
    axes.legend()
    return save(figure, path)


def main(arguments=None):
    """Fit, find the standard errors by the Hessian, draw, and return the figures reached."""
    options = common(__doc__, "censored_survival").parse_args(arguments)
    times = onp.concatenate([DRUG, PLACEBO])
    data = abs(times).astype(float), onp.repeat([1.0, 0.0], 21), times > 0
    best = minimize(value_and_grad(cost), onp.array([2.0, 0.0, 0.0]), data, jac=True, tol=1e-9).x
    covariance = onp.linalg.inv(hessian(cost)(best, *data))
    errors = onp.sqrt(onp.diag(covariance))
    draw(best, covariance, options.out)
    low, high = onp.exp(best[1] + onp.array([-1.96, 1.96]) * errors[1])
    print(f"the drug makes remissions {onp.exp(best[1]):.2f} times as long ({low:.2f} to {high:.2f})")
    return report(
        options.out,
        {
            "distance from the fit by lifelines": (abs(best - BY_LIFELINES).max(), "<=", 2e-5),
            "distance from its standard errors": (abs(errors - ERRORS_BY_LIFELINES).max(), "<=", 2e-5),
        },
    )


if __name__ == "__main__":
    start(main)
