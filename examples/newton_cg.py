"""Fit a softmax classifier by Newton's method with products of the Hessian, which is never formed."""

import numpy as onp
from options import common, positive, report, start
from picture import save, subplots
from scipy.optimize import minimize
from sklearn.datasets import load_digits
from tqdm.auto import tqdm

import funad.numpy as np
from funad import hessp, tree, value_and_grad

OPTIONS = {"Newton-CG": {"xtol": 1e-6}, "BFGS": {"gtol": 1e-5}, "L-BFGS-B": {"ftol": 0, "gtol": 1e-6}}
FLOOR = 1e-10  # below it, the picture would show how sums are rounded


def loss(params, x, digits, penalty):
    """Return the mean of -log p(the right digit), and the price of large weights."""
    z = x @ params["W"] + params["b"]
    top = np.max(z, axis=1, keepdims=True)
    log_total = top[:, 0] + np.log(np.sum(np.exp(z - top), axis=1))
    return np.mean(log_total - z[np.arange(len(x)), digits]) + penalty / 2 * np.sum(params["W"] ** 2)


def descend(method, params, x, digits, penalty):
    """Return the parameters that SciPy's method finds, and per step the evaluations so far and the loss.

    An evaluation is a gradient or a product H·v, which costs about two of them.
    """
    start, unravel = tree.ravel(params)

    def cost(vector):
        return loss(unravel(vector), x, digits, penalty)

    evaluations, rows = [0, 0], []

    def counted(f, kind):
        def counting(*args):
            evaluations[kind] += 1
            return f(*args)

        return counting

    def note(intermediate_result):
        rows.append((evaluations[0] + 2 * evaluations[1], float(intermediate_result.fun)))
        bar.update()

    with tqdm(unit=" steps", desc=method) as bar:
        found = minimize(
            counted(value_and_grad(cost), 0),
            start,
            jac=True,
            hessp=counted(hessp(cost), 1) if method == "Newton-CG" else None,
            method=method,
            callback=note,
            options={"maxiter": 2000, **OPTIONS[method]},
        )
    return unravel(found.x), found.jac, rows


def draw(runs, path):
    """Draw how far each method is above the minimum, over its steps and over what they cost."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 5.5), sharey=True)
    least = min(value for rows in runs.values() for _, value in rows)
    for method, rows in runs.items():
        evaluations, values = onp.array(rows).T
        gap = onp.maximum(values - least, FLOOR)
        left.plot(range(1, len(rows) + 1), gap, ".-", label=f"{method}: {len(rows)} steps")
        right.plot(evaluations, gap, ".-", label=f"{method}: {evaluations[-1]:.0f} evaluations")
    left.set(
        xscale="log", yscale="log", xlabel="steps", ylabel=f"loss above the least one found, or {FLOOR:g}"
    )
    right.set(xscale="log", xlabel="gradients, a Hessian product counted as two")
    left.set_title("Newton's steps are few ...")
    right.set_title("... and each takes many products with the Hessian")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    return save(figure, path)


def main(arguments=None):
    """Fit the classifier by each method, draw, and return the figures reached."""
    made = common(__doc__, "newton_cg")
    made.add_argument("--penalty", type=positive, default=1e-3, metavar="P", help="of squared weights")
    options = made.parse_args(arguments)
    images, digits = load_digits(return_X_y=True)
    rng = onp.random.default_rng(options.seed)
    params = {"W": 0.01 * rng.standard_normal((64, 10)), "b": onp.zeros(10)}
    runs = {method: descend(method, params, images / 16, digits, options.penalty) for method in OPTIONS}
    rows = {method: rows for method, (_, _, rows) in runs.items()}
    draw(rows, options.out)
    ends = [rows[-1][1] for rows in rows.values()]
    return report(
        options.out,
        {
            "loss found by Newton-CG": (rows["Newton-CG"][-1][1], "<=", 0.2619),
            "largest slope there": (abs(runs["Newton-CG"][1]).max(), "<=", 1e-6),
            "difference between the methods": (max(ends) - min(ends), "<=", 1e-5),
            "steps of BFGS per step of Newton-CG": (len(rows["BFGS"]) / len(rows["Newton-CG"]), ">=", 10),
        },
    )


if __name__ == "__main__":
    start(main)
