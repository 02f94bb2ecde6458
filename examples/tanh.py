"""Draw tanh and its first six derivatives: each is elementwise_grad of the one before."""

import numpy as onp
from options import common, report, start, whole
from picture import save, subplots
from toolz import iterate, take
from tqdm.auto import tqdm

import funad.numpy as np
from funad import elementwise_grad


def tanh(x):
    """Return tanh x, written out."""
    return (1.0 - np.exp(-2.0 * x)) / (1.0 + np.exp(-2.0 * x))


def derivatives(f, number):
    """Return f and its first derivatives, so many of them."""
    return list(take(number + 1, iterate(elementwise_grad, f)))


def on_paper(number):
    """Return tanh and its derivatives as polynomials in t = tanh x: from p(t) to p'(t)·(1 - t²)."""
    t = onp.polynomial.Polynomial([0.0, 1.0])
    return list(take(number + 1, iterate(lambda p: p.deriv() * (1 - t**2), t)))


def main(arguments=None):
    """Draw the curves; return how far they are from the polynomials."""
    made = common(__doc__, "tanh")
    made.add_argument("--orders", type=whole, default=6, metavar="N", help="how many derivatives")
    options = made.parse_args(arguments)
    x = onp.linspace(-4.0, 4.0, 801)
    curves = [f(x) for f in tqdm(derivatives(tanh, options.orders), unit=" curves")]
    wanted = [p(onp.tanh(x)) for p in on_paper(options.orders)]
    errors = [onp.max(onp.abs(y - w)) / onp.max(onp.abs(w)) for y, w in zip(curves, wanted, strict=True)]

    figure, axes = subplots(figsize=(12, 6.5))
    for order, y in enumerate(curves):
        # Each to its own height: the sixth reaches over 50, and tanh 1.
        height = onp.max(onp.abs(y))
        label = "tanh" if order == 0 else f"derivative {order}"
        axes.plot(x, y / height, label=f"{label}, of height {height:.3g}", linewidth=3 if order == 0 else 1.5)
    axes.set(title=f"tanh and its first {options.orders} derivatives, each divided by its height")
    axes.set(xlabel="x", ylabel="part of the greatest absolute value", xlim=(x[0], x[-1]))
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    save(figure, options.out)
    return report(options.out, {"largest relative error of a curve": (max(errors), "<=", 1e-12)})


if __name__ == "__main__":
    start(main)
