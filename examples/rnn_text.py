"""Learn the Zen of Python by heart: a recurrent network that reads and writes one character at a time."""

import argparse
import codecs
import contextlib
import io
import textwrap
from pathlib import Path

import numpy as onp
from numpy.lib.stride_tricks import sliding_window_view
from options import common, report, start
from picture import save, subplots
from tqdm.auto import tqdm

import funad.numpy as np
from funad import value_and_grad
from funad.optimizers import adam, clip_by_norm, cosine_decay

HIDDEN = 128  # size of the state
LENGTH, BATCH, RATE = 40, 16, 0.003  # characters read in one go; such pieces per step, and its size


def zen():
    """Return the text that "import this" prints, the first time."""
    with contextlib.redirect_stdout(io.StringIO()):
        import this
    return codecs.decode(this.s, "rot13")


def content(path):
    """Return the text of a file that is long enough."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"cannot read {path!r}: {error}") from None
    if len(text) <= LENGTH:
        raise argparse.ArgumentTypeError(f"{path!r} has {len(text)} characters; needed are over {LENGTH}")
    return text


def init(rng, letters):
    """Return random weights: of the characters, from each state to the next, and of the prediction."""
    normal = rng.standard_normal
    return {
        "letter": (normal((letters, HIDDEN), np.float32) / 2, np.zeros(HIDDEN, np.float32)),
        "state": normal((HIDDEN, HIDDEN), np.float32) / HIDDEN**0.5,
        "output": (normal((HIDDEN, letters), np.float32) / HIDDEN**0.5, np.zeros(letters, np.float32)),
    }


def read(params, h, letter):
    """Return the state after reading one more character: h is (..., HIDDEN), letter a number each."""
    U, b = params["letter"]
    return np.tanh(U[letter] + h @ params["state"] + b)


def predict(params, h):
    """Return log p(next character), of shape (..., letters), in a state."""
    W, b = params["output"]
    z = h @ W + b
    z = z - np.max(z, axis=-1, keepdims=True)  # changes no probability, and exp cannot overflow
    return z - np.log(np.sum(np.exp(z), axis=-1, keepdims=True))


def loss(params, texts):
    """Return the mean of -log p(character | those before it), over texts of shape (n, length)."""
    h, states = np.zeros((len(texts), HIDDEN), np.float32), []
    for letters in texts[:, :-1].T:
        h = read(params, h, letters)
        states.append(h)
    return -np.mean(np.take_along_axis(predict(params, np.stack(states, axis=1)), texts[:, 1:, None], 2))


loss_and_slope = value_and_grad(loss)


def write(params, first, length, calm, rng):
    """Return characters drawn one after the other from p**calm: 1 is what was learnt, more is safer."""
    h, text = np.zeros(HIDDEN, np.float32), list(first)
    for letter in first[:-1]:
        h = read(params, h, letter)
    while len(text) < length:
        h = read(params, h, text[-1])
        p = np.exp(calm * predict(params, h).astype(float))
        text.append(rng.choice(len(p), p=p / p.sum()))
    return text


def entropy_of_pairs(text, letters):
    """Return the loss of the best table p(character | the one before it): memory of one character."""
    pairs = onp.bincount(text[:-1] * letters + text[1:], minlength=letters**2).reshape(letters, letters)
    p = pairs / onp.maximum(pairs.sum(axis=1, keepdims=True), 1)
    return -onp.sum(pairs * onp.log(onp.where(p > 0, p, 1))) / pairs.sum()


def train(params, text, epochs, rng):
    """Return the trained parameters and the loss of each step."""
    pieces = sliding_window_view(text, LENGTH + 1)
    steps = epochs * max(len(text) // (LENGTH * BATCH), 1)
    init_state, update = adam(cosine_decay(RATE, steps))
    state, losses = init_state(params), []
    for _ in tqdm(range(steps), unit=" steps"):
        value, slope = loss_and_slope(params, pieces[rng.integers(len(pieces), size=BATCH)])
        params, state = update(clip_by_norm(slope, 1.0), state, params)
        losses.append(value)
    return params, losses


def draw(losses, found, baseline, sample, path):
    """Save the loss over the steps, and that of a whole text, beside a text that the network wrote."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 6))
    left.plot(
        range(1, len(losses) + 1), losses, linewidth=1, label=f"network, on pieces of {LENGTH} characters"
    )
    left.axhline(found, color="C2", linestyle=":", label=f"network, on the text in one go: {found:.3f}")
    left.axhline(
        baseline, color="C3", linestyle="--", label=f"best table of pairs of characters: {baseline:.2f}"
    )
    left.set(xlabel="step", ylabel="mean of -log p(the next character)", title="Training loss", yscale="log")
    left.grid(alpha=0.3, which="both")
    left.legend()
    right.set_title("Written by the network, character by character")
    lines = [part for line in sample.splitlines() for part in textwrap.wrap(line, 72) or [""]]
    right.text(0, 1, "\n".join(lines[:30]), va="top", family="monospace", parse_math=False)
    right.set_axis_off()
    return save(figure, path)


def main(arguments=None):
    """Train, let the network write, and return its loss beside that of a table of pairs."""
    made = common(__doc__, "rnn_text", epochs=600)
    made.add_argument("--text", type=content, metavar="FILE", help="another text to learn, in UTF-8")
    options = made.parse_args(arguments)
    alphabet, text = onp.unique(list(options.text or zen()), return_inverse=True)
    rng = onp.random.default_rng(options.seed)
    params, losses = train(init(rng, len(alphabet)), text, options.epochs, rng)
    found, baseline = loss(params, text[None, :10_000]), entropy_of_pairs(text, len(alphabet))
    sample = "".join(alphabet[write(params, text[:10], 1000, 2.0, rng)])
    print(sample)
    draw(losses, found, baseline, sample, options.out)
    return report(
        options.out,
        {
            "nats per character": (found, "<=", 0.15),
            "gain over a table of pairs": (baseline - found, ">=", 1.8),
        },
    )


if __name__ == "__main__":
    start(main)
