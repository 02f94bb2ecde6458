"""What the examples share: their arguments, what is refused and how, and how they tell their figures."""

import argparse
import os
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "out"
FORMATS = (".png", ".pdf", ".svg")


def common(description, name, epochs=None):
    """Return the parser of the example that is called so: what every one of them takes.

    Without ``epochs``, its default number of them, it takes no ``--epochs``.
    """
    made = argparse.ArgumentParser(
        prog=f"{name}.py", description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = made.add_argument
    if epochs is not None:
        add("--epochs", type=whole, default=epochs, metavar="N", help="times through the training data")
    add("--seed", type=natural, default=0, metavar="N", help="of everything that is random")
    add("--out", type=picture_file, default=str(FOLDER / f"{name}.png"), metavar="FILE", help="the picture")
    return made


def parser(description, name, epochs, rate):
    """Return the parser of a classifier of images, with its own defaults."""
    made = common(description, name, epochs)
    add = made.add_argument
    layers = "1: softmax alone; 2: a hidden layer before it; both: one after the other"
    add("--layers", type=int, nargs="+", choices=(1, 2), default=[1, 2], help=layers)
    add("--hidden", type=whole, default=100, metavar="N", help="units of the hidden layer, of two layers")
    add("--batch", type=whole, default=32, metavar="N", help="images per step")
    add("--rate", type=positive, default=rate, metavar="R", help="size of a step down the slope")
    return made


def start(main):
    """Run an example; Ctrl-C, or a reader of its output that has left, ends it without a traceback."""
    try:
        result = main()
        sys.stdout.flush()
        return result
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)  # as shells have it of Ctrl-C
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain at its end
        sys.exit(141)


def report(picture, figures):
    """Print the figures that an example has reached, and where its picture is; return the figures.

    ``figures`` maps a name to (value, ">=" or "<=", bound): what its default run is to reach. Missing
    it is no error here, as a run may be a short one; ``run_all.py`` counts.
    """
    for name, (value, sign, bound) in figures.items():
        print(f"{name}: {value:.6g} (wanted {sign} {bound:g})")
    print(f"picture: {picture}")
    return {name: float(value) for name, (value, _, _) in figures.items()}


def natural(text, least=0):
    """Return text as an int that is not below the least."""
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(f"must be a whole number, {least} or more, but is {text!r}")
    return number


def whole(text):
    """Return text as an int of 1 or more."""
    return natural(text, least=1)


def positive(text):
    """Return text as a finite float above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, but is {text!r}")
    return number


def picture_file(text):
    """Return text as the path of a file that can be written, its folder made if need be.

    Tried before the training, so that no one waits for a picture that cannot be saved.
    """
    path = Path(text)
    if path.suffix.lower() not in FORMATS:
        raise argparse.ArgumentTypeError(f"must end in .png, .pdf or .svg, but is {text!r}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        there = path.exists()
        path.open("ab").close()
        if not there:
            path.unlink()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot write {text!r}: {error.strerror}") from None
    return path
