"""Which patients decide a fit? The gradient of each by vmap, and what leaving one out would change."""

import numpy as onp
from options import common, positive, report, start
from picture import save, subplots
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale
from tqdm.auto import tqdm

import funad.numpy as np
from funad import grad, hessian, value_and_grad, vmap

OUT = 20  # patients who are left out in turn, those who change most
FEATURES = ("mean radius", "mean texture", "mean smoothness", "mean concavity")


def loss(w, x, y):
    """Return -log p(y) of one patient with measurements x: y is 1 for a malignant tumour, or else 0."""
    z = x @ w[1:] + w[0]
    return np.logaddexp(0, z) - y * z


def cost(w, x, y, weights, penalty):
    """Return the weighted sum of the losses of all patients, and the price of large weights."""
    return weights @ vmap(loss, in_axes=(None, 0, 0))(w, x, y) + penalty / 2 * np.sum(w[1:] ** 2)


def fit(x, y, weights, penalty, start):
    """Return the best weights."""
    args = (x, y, weights, penalty)
    return minimize(value_and_grad(cost), start, args, jac=True, method="BFGS", options={"gtol": 1e-9}).x


def draw(p, y, change, out, moved, path):
    """Draw foretold changes against those of fits without each patient, and how far each patient changes."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 5.5))
    for k, name in enumerate(FEATURES, 1):
        left.plot(change[out, k], moved[:, k], "o", markersize=5, label=name)
    left.axline((0, 0), slope=1, color="0.6", linewidth=1, label="foretold = found")
    left.set(xlabel="foretold by the gradient of one patient", ylabel="found by a fit without that patient")
    left.set_title(f"Changes of the weights, {OUT} patients left out in turn")
    left.grid(alpha=0.3)
    left.legend()
    for kind, name in enumerate(("benign", "malignant")):
        right.semilogy(p[y == kind], onp.linalg.norm(change, axis=1)[y == kind], ".", label=name)
    right.set(xlabel="probability of a malignant tumour", ylabel="length of the change of the weights")
    right.set_title("Who is surprising decides most")
    right.grid(alpha=0.3)
    right.legend()
    return save(figure, path)


def main(arguments=None):
    """Fit, foretell what each patient changes, leave some out, draw, and return the figures reached."""
    made = common(__doc__, "influence")
    made.add_argument("--penalty", type=positive, default=1.0, metavar="P", help="of squared weights")
    options, data = made.parse_args(arguments), load_breast_cancer()
    columns = [list(data.feature_names).index(name) for name in FEATURES]
    x, y = scale(data.data[:, columns]), 1.0 - data.target
    ones, w = onp.ones(len(y)), onp.zeros(1 + len(FEATURES))
    w = fit(x, y, ones, options.penalty, w)
    each = vmap(grad(loss), in_axes=(None, 0, 0))(w, x, y)  # of shape (patients, weights)
    change = onp.linalg.solve(hessian(cost)(w, x, y, ones, options.penalty), each.T).T
    out = onp.argsort(-onp.linalg.norm(change, axis=1))[:OUT]
    without = [onp.where(onp.arange(len(y)) == k, 0.0, ones) for k in out]
    moved = [fit(x, y, kept, options.penalty, w) - w for kept in tqdm(without, unit=" fits")]
    theirs = LogisticRegression(C=1 / options.penalty, tol=1e-10, max_iter=1000).fit(x, y)
    apart = onp.abs(w - onp.concatenate([theirs.intercept_, theirs.coef_[0]]))
    return report(
        draw(1 / (1 + onp.exp(-w[0] - x @ w[1:])), y, change, out, onp.array(moved), options.out),
        {
            "distance from scikit-learn's weights": (onp.max(apart), "<=", 1e-5),
            "correlation of changes foretold and found": (
                onp.corrcoef(onp.ravel(moved), change[out].ravel())[0, 1], ">=", 0.98,
            ),
        },
    )  # fmt: skip


if __name__ == "__main__":
    start(main)
