"""Teach a network to count fizz, buzz: it learns from 101 to 1023 and says 1 to 100 right."""

import numpy as onp
from matplotlib.colors import ListedColormap
from options import common, positive, report, start, whole
from picture import save, subplots
from tqdm.auto import tqdm

import funad.numpy as np
from funad import optimizers, value_and_grad

WORDS = ("itself", "fizz", "buzz", "fizzbuzz")
BITS, BATCH = 10, 128


def binary(numbers):
    """Return the binary digits of numbers below 1024, least first, as -1 and 1."""
    return 2.0 * (numbers[:, None] >> onp.arange(BITS) & 1) - 1


def answers(numbers):
    """Return which of WORDS is right: 1 more where 3 divides, 2 more where 5 does."""
    return (numbers % 3 == 0) + 2 * (numbers % 5 == 0)


def init(rng, hidden):
    """Return random weights and zero biases of a 10-hidden-4 network."""
    sizes = ((BITS, hidden), (hidden, len(WORDS)))
    return [(rng.standard_normal(size) * (2 / size[0]) ** 0.5, np.zeros(size[1])) for size in sizes]


def scores(params, x):
    """Return a score of each word, of shape (numbers, 4); the largest is the answer."""
    (V, a), (W, b) = params
    return np.maximum(x @ V + a, 0) @ W + b


def loss(params, x, right):
    """Return the mean of -log p(the right word), p the softmax of the scores."""
    z = scores(params, x)
    z = z - np.max(z, axis=1, keepdims=True)  # changes no probability, and exp cannot overflow
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(len(x)), right])


def say(params, numbers):
    """Return what the network says, as one counts aloud."""
    words = onp.argmax(scores(params, binary(numbers)), axis=1)
    return [WORDS[w] if w else str(n) for n, w in zip(numbers, words, strict=True)]


def main(arguments=None):
    """Train, count to 100 and draw the answers; return how many are right."""
    made = common(__doc__, "fizzbuzz", epochs=150)
    made.add_argument("--hidden", type=whole, default=400, metavar="N", help="units of the hidden layer")
    made.add_argument(
        "--rate", type=positive, default=0.02, metavar="R", help="Adam's learning rate at first"
    )
    options = made.parse_args(arguments)
    rng = onp.random.default_rng(options.seed)
    x, right = binary(onp.arange(101, 1024)), answers(onp.arange(101, 1024))
    count = onp.arange(1, 101)
    params, losses, hits = init(rng, options.hidden), [], []
    steps = options.epochs * -(-len(x) // BATCH)
    start, update = optimizers.adamw(optimizers.cosine_decay(options.rate, steps), weight_decay=0.2)
    state, slope = start(params), value_and_grad(loss)
    for _ in tqdm(range(options.epochs), unit=" epochs"):
        order, total = rng.permutation(len(x)), 0.0
        for some in onp.split(order, range(BATCH, len(x), BATCH)):
            value, gradient = slope(params, x[some], right[some])
            params, state = update(gradient, state, params)
            total += value * len(some) / len(x)
        losses.append(total)
        said = onp.argmax(scores(params, binary(count)), axis=1)
        hits.append(onp.sum(said == answers(count)))
    print(*say(params, count))
    draw(said, count, losses, hits, options.out)
    return report(options.out, {"right of 100": (hits[-1], ">=", 100)})


def draw(said, count, losses, hits, path):
    """Draw the answers as a table of ten by ten, and how they came to be right."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 7), width_ratios=(1.3, 1))
    colors = ListedColormap(["white", "lightskyblue", "khaki", "yellowgreen"])
    left.imshow(said.reshape(10, 10), cmap=colors, vmin=0, vmax=3)
    for n, word, wanted in zip(count, said, answers(count), strict=True):
        text = WORDS[word] if word else str(n)
        wrong = {} if word == wanted else {"color": "red", "weight": "bold"}
        left.text((n - 1) % 10, (n - 1) // 10, text, ha="center", va="center", fontsize=9, **wrong)
    left.set(title="What the network says for 1 to 100 (in red: wrong)", xticks=[], yticks=[])
    right.plot(range(1, len(losses) + 1), losses, color="tab:blue", label="training loss")
    right.set(xlabel="epoch", yscale="log")
    right.set_ylabel("mean of -log p(the right word)", color="tab:blue")
    right.set_title(f"Numbers 101 to 1023 teach it: {hits[-1]} of 100 are right in the end")
    other = right.twinx()
    other.plot(range(1, len(hits) + 1), hits, color="tab:orange", label="right of 1 to 100")
    other.set_ylim(0, 103)
    other.set_ylabel("right of 1 to 100", color="tab:orange")
    other.legend(handles=[*right.lines, *other.lines], loc="center right")
    save(figure, path)


if __name__ == "__main__":
    start(main)
