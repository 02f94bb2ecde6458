"""Tell benign from malignant tumours by logistic regression: one step by hand, then the whole fit."""

import numpy as onp
from options import common, positive, report, start
from picture import save, subplots
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from tqdm.auto import tqdm

import funad.numpy as np
from funad import grad, optimizers, value_and_grad


def load():
    """Return 30 measurements each of 569 tumours, 456 to train on and 113 to test on, and their names.

    They are standardised: of mean 0 and variance 1 among those to train on. 1 is benign.
    """
    data = load_breast_cancer()
    test, training = onp.split(onp.random.default_rng(0).permutation(len(data.target)), [113])
    x = (data.data - data.data[training].mean(axis=0)) / data.data[training].std(axis=0)
    t = data.target.astype(float)
    return (x[training], t[training]), (x[test], t[test]), data.feature_names


def score(params, x):
    """Return z = x·w + b, of which p(benign) is 1/(1 + exp(-z))."""
    return x @ params["w"] + params["b"]


def loss(params, x, t):
    """Return Σ -log p(t), and |w|²/2, which keeps the weights small: what scikit-learn takes too."""
    z = score(params, x)
    return np.sum(np.logaddexp(0, z) - t * z) + np.sum(params["w"] ** 2) / 2


def accuracy(params, x, t):
    """Return the part of the tumours that are on the right side of p = 1/2."""
    return float(onp.mean((score(params, x) > 0) == t))


def one_step(params, x, t, rate):
    """Spell out one step of stochastic gradient descent, on one tumour; return how far funad is off."""
    error = 1 / (1 + onp.exp(-score(params, x))) - t
    by_hand = {"w": error * x + params["w"], "b": error}  # by the chain rule, p - t is ∂loss/∂z
    slope = grad(loss)(params, x, t)
    print(f"p(benign) is {error + t:.4f}, and should be {t:g}: error {error:+.4f}")
    for key, name in (("w", "w[0]"), ("b", "b")):
        old, g, h = (float(onp.ravel(part[key])[0]) for part in (params, slope, by_hand))
        print(f"  {name}: {old:+.4f} - {rate} · {g:+.4f} = {old - rate * g:+.4f}   (by hand {h:+.4f})")
    return max(onp.max(onp.abs(slope[key] - by_hand[key])) for key in params)


def fit(params, x, t, rate, epochs):
    """Return the parameters after so many steps of Nesterov's momentum, and the loss at each."""
    start, update = optimizers.nesterov(rate / len(x), 0.95)
    slope, state, losses = value_and_grad(loss), start(params), []
    for _ in tqdm(range(epochs), unit=" epochs"):
        value, gradient = slope(params, x, t)
        params, state = update(gradient, state, params)
        losses.append(value)
    return params, losses


def main(arguments=None):
    """Fit, compare with scikit-learn and draw; return how well it went."""
    made = common(__doc__, "logistic_regression", epochs=1000)
    made.add_argument("--rate", type=positive, default=0.2, metavar="R", help="size of a step, per tumour")
    options = made.parse_args(arguments)
    (x, t), test, names = load()
    rng = onp.random.default_rng(options.seed)
    start = {"w": 0.1 * rng.standard_normal(x.shape[1]), "b": 0.0}
    one = int(rng.integers(len(x)))
    off = one_step(start, x[one], t[one], options.rate)
    params, losses = fit(start, x, t, options.rate, options.epochs)
    theirs = LogisticRegression(tol=1e-10, max_iter=10_000).fit(x, t)
    difference = onp.max(onp.abs(params["w"] - theirs.coef_[0]))
    draw(params["w"], theirs.coef_[0], names, losses, options.out)
    return report(
        options.out,
        {
            "test accuracy": (accuracy(params, *test), ">=", 0.96),
            "largest difference of a gradient by hand": (off, "<=", 1e-12),
            "largest difference from scikit-learn's weights": (difference, "<=", 1e-4),
        },
    )


def draw(ours, theirs, names, losses, path):
    """Draw the weights beside those of scikit-learn, and the loss."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 7), width_ratios=(1.2, 1))
    order = onp.argsort(ours)
    left.barh(names[order], ours[order], color="tab:blue", alpha=0.6, label="funad")
    left.plot(theirs[order], names[order], "k|", markersize=10, label="scikit-learn")
    left.set(title="Weights: benign to the right, malignant to the left", xlabel="weight")
    left.margins(y=0.01)
    left.legend(loc="lower right")
    left.grid(alpha=0.3, axis="x")
    gap = onp.array(losses) - min(losses)
    right.plot(range(1, len(losses)), gap[:-1])
    right.set(title="Training loss", xlabel="epoch", ylabel="loss above the least", yscale="log")
    right.grid(alpha=0.3)
    save(figure, path)


if __name__ == "__main__":
    start(main)
