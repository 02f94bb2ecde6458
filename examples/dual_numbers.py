"""Forward mode by hand: numbers a + bε with ε² = 0, and when they beat the way back."""

from time import perf_counter
from typing import NamedTuple

import numpy as onp
from options import common, report, start, whole
from picture import save, subplots
from tqdm.auto import tqdm

import funad.numpy as np
from funad import Dual, jacfwd, jacrev


class ByHand(NamedTuple):
    """a + bε: from ε² = 0 follow (a + bε)(c + dε) = ac + (ad + bc)ε and f(a + bε) = f(a) + f′(a)bε."""

    value: float
    slope: float = 0.0

    def __add__(self, other):
        a, b = lifted(other)
        return ByHand(self.value + a, self.slope + b)

    def __mul__(self, other):
        a, b = lifted(other)
        return ByHand(self.value * a, self.value * b + self.slope * a)

    def __pow__(self, n):
        return ByHand(self.value**n, n * self.value ** (n - 1) * self.slope)

    def sin(self):
        """Return the sine."""
        return ByHand(onp.sin(self.value), onp.cos(self.value) * self.slope)

    __radd__, __rmul__ = __add__, __mul__


def lifted(x):
    """Return a number as a dual number: a constant, which does not change."""
    return x if isinstance(x, ByHand) else ByHand(x)


def f(x, y, sin):
    """Return 2x + xy³ + sin x."""
    return 2 * x + x * y**3 + sin(x)


def quadratic(x):
    """Return x² - 2x - 1, of which the derivative is 2x - 2."""
    return x**2 + -2 * x + -1


def partials():
    """Return f(3, 5), ∂f/∂x and ∂f/∂y by hand, by funad.Dual, and from the formulas."""

    def of(dual, sin):
        along_x, along_y = f(dual(3.0, 1.0), dual(5.0, 0.0), sin), f(dual(3.0, 0.0), dual(5.0, 1.0), sin)
        return along_x, along_y

    (v, x), (_, y) = of(ByHand, ByHand.sin)
    first, second = of(Dual, np.sin)
    exact = (6 + 3 * 125 + onp.sin(3.0), 2 + 125 + onp.cos(3.0), 3 * 3 * 25.0)
    return (v, x, y), (first.primal, first.tangent, second.tangent), exact


def seconds(jacobian, W, rounds):
    """Return the least time that a Jacobian takes, of a layer with weights of shape (outputs, inputs)."""
    slopes, times = jacobian(lambda x: np.tanh(np.sin(W @ x) + 1.0)), []
    for _ in range(rounds):
        start = perf_counter()
        slopes(onp.ones(W.shape[1]))
        times.append(perf_counter() - start)
    return min(times)


def main(arguments=None):
    """Check the numbers, measure both modes and draw; return how right and how fast it was."""
    made = common(__doc__, "dual_numbers")
    made.add_argument("--rounds", type=whole, default=30, metavar="N", help="of which the fastest counts")
    options = made.parse_args(arguments)
    rng = onp.random.default_rng(options.seed)
    hand, ours, exact = partials()
    print(f"f(3, 5) = {hand[0]:.2f}, ∂f/∂x = {hand[1]:.2f}, ∂f/∂y = {hand[2]:.1f}")
    error = max(onp.max(onp.abs(onp.subtract(found, exact))) for found in (hand, ours))
    number = 2 ** onp.arange(13)  # n inputs and 4096/n outputs: as many partial derivatives throughout
    forward, reverse = onp.array(
        [
            [
                seconds(jacobian, rng.standard_normal((4096 // n, n)), options.rounds)
                for jacobian in (jacfwd, jacrev)
            ]
            for n in tqdm(number.tolist(), unit=" shapes")
        ]
    ).T
    draw(number, forward, reverse, options.out)
    return report(
        options.out,
        {
            "largest error of f(3, 5), ∂f/∂x, ∂f/∂y": (error, "<=", 1e-12),
            "forward is so many times faster, 1 input and 4096 outputs": (reverse[0] / forward[0], ">=", 2),
            "reverse is so many times faster, 4096 inputs and 1 output": (forward[-1] / reverse[-1], ">=", 2),
        },
    )


def draw(number, forward, reverse, path):
    """Draw a quadratic and its derivative from dual numbers, and the times of both modes."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 5.5))
    x = onp.linspace(-2.0, 4.0, 61)
    y = [quadratic(ByHand(float(value), 1.0)) for value in x]
    left.plot(x, [dual.value for dual in y], label="x² - 2x - 1, the value")
    left.plot(x, [dual.slope for dual in y], "--", label="2x - 2, the part of ε")
    left.axhline(0.0, color="gray", linewidth=0.8)
    left.set(title="A quadratic and its derivative, from one run on dual numbers", xlabel="x")
    left.legend()
    left.grid(alpha=0.3)
    right.loglog(number, forward * 1e6, "o-", label="forward (jacfwd): a direction per input", base=2)
    right.loglog(number, reverse * 1e6, "s--", label="reverse (jacrev): a way back per output", base=2)
    ticks = [f"{n}\n{4096 // n}" for n in number[::2]]
    right.set_xticks(number[::2], ticks)
    right.set_yscale("log")
    right.set(title="A Jacobian of 4096 entries: the smaller side wins", ylabel="microseconds")
    for first, last in ((1, 8), (512, 4096)):
        right.axvspan(first, last, color="0.9", zorder=0)
    right.plot(
        [], [], "s", color="0.85", markersize=12, label="512² numbers or more a stack: beyond the cache"
    )
    right.set_xlabel("inputs (above) and outputs (below)")
    right.legend(loc="upper center")
    right.grid(alpha=0.3, which="both")
    save(figure, path)


if __name__ == "__main__":
    start(main)
