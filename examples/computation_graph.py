"""See a derivative happen: W·x + b drawn as a graph, its values going down and an error coming back."""

import argparse

from options import FOLDER, picture_file

from funad import grad, graph


def neuron(W, x, b):
    """Return what one neuron makes of x."""
    return W * x + b


def recurrent(W, x, b):
    """Return what the same neuron makes of its own result: W and b are shared by both steps."""
    return neuron(W, neuron(W, x, b), b)


def show(f, W, x, b, error, path):
    """Print and draw the graph of f(W, x, b) with an error pushed back through it; return it."""
    pushed = graph(f)(W, x, b).backward(error)
    print(f"\n{f.__name__}\n{pushed}")
    print(f"value: {pushed.value:g}")
    print("gradients: " + ", ".join(f"{name} {slope:g}" for name, slope in pushed.gradients.items()))
    if path.suffix.lower() == ".svg":
        pushed.svg(path)
    else:
        pushed.png(path)
    print(f"picture: {path}")
    return pushed


def picture(text):
    """Return text as the path of a picture that can be written."""
    if not text.lower().endswith((".png", ".svg")):
        raise argparse.ArgumentTypeError(f"must end in .png or .svg, but is {text!r}")
    return picture_file(text)


def parser():
    """Return the parser of the arguments."""
    made = argparse.ArgumentParser(
        prog="computation_graph.py",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = made.add_argument
    add("-W", type=float, default=2.0, metavar="NUMBER", help="the weight")
    add("-x", type=float, default=3.0, metavar="NUMBER", help="the input")
    add("-b", type=float, default=1.0, metavar="NUMBER", help="the bias")
    add("--error", type=float, default=2.0, metavar="NUMBER", help="what is pushed back from the result")
    add("--out", type=picture, default=str(FOLDER / "computation_graph.png"), metavar="FILE",
        help="the picture; that of the shared weights goes beside it, as FILE-shared")  # fmt: skip
    return made


def run(options):
    """Show the graph of a neuron, and that of two steps which share their weights."""
    W, x, b, error = options.W, options.x, options.b, options.error
    shared = options.out.with_stem(f"{options.out.stem}-shared")
    for f, path in ((neuron, options.out), (recurrent, shared)):
        pushed = show(f, W, x, b, error, path)
        slopes = grad(lambda *args, f=f: error * f(*args), argnums=(0, 1, 2))(W, x, b)
        assert tuple(pushed.gradients.values()) == slopes  # what the graph shows is what grad computes


if __name__ == "__main__":
    run(parser().parse_args())
