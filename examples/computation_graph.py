"""See a derivative happen: W·x + b as a graph, its values on the way down and an error coming back."""

import tempfile
from pathlib import Path

import matplotlib.image
from options import common, report, start
from picture import save, subplots

from funad import graph


def neuron(W, x, b):
    """Return what one neuron makes of x."""
    return W * x + b


def recurrent(W, x, b):
    """Return what the same neuron makes of its own result: W and b are shared by both steps."""
    return neuron(W, neuron(W, x, b), b)


def on_paper(W, x, b, error):
    """Return the value and the gradients of either function, worked out by hand."""
    once = (W * x + b, (error * x, error * W, error))
    return once, (W * (W * x + b) + b, (error * (2 * W * x + b), error * W**2, error * (W + 1)))


def draw(graphs, titles, path):
    """Save the pictures of graphs side by side, all on one scale."""
    with tempfile.TemporaryDirectory() as folder:
        images = []
        for n, pushed in enumerate(graphs):
            pushed.png(Path(folder) / f"{n}.png", engine="funad")
            images.append(matplotlib.image.imread(Path(folder) / f"{n}.png"))
    widths, height = [image.shape[1] for image in images], max(image.shape[0] for image in images)
    figure, columns = subplots(1, len(images), figsize=(12, 8), width_ratios=widths)
    for axes, image, title in zip(columns, images, titles, strict=True):
        axes.imshow(image)
        axes.set(title=title, xlim=(0, image.shape[1]), ylim=(height, 0))
        axes.set_axis_off()
    save(figure, path)


def main(arguments=None):
    """Show both graphs; return how far their values and gradients are from those on paper."""
    made = common(__doc__, "computation_graph")
    made.add_argument("-W", type=float, default=2.0, metavar="NUMBER", help="the weight")
    made.add_argument("-x", type=float, default=3.0, metavar="NUMBER", help="the input")
    made.add_argument("-b", type=float, default=1.0, metavar="NUMBER", help="the bias")
    made.add_argument("--error", type=float, default=2.0, metavar="NUMBER", help="what is pushed back")
    options = made.parse_args(arguments)
    W, x, b, error = options.W, options.x, options.b, options.error
    graphs = [graph(f)(W, x, b).backward(error) for f in (neuron, recurrent)]
    off = []
    for pushed, (value, slopes) in zip(graphs, on_paper(W, x, b, error), strict=True):
        found = pushed.gradients
        print(f"{pushed.name}\n{pushed}\nvalue {pushed.value:g}, gradients", end=" ")
        print(", ".join(f"{name} {slope:g}" for name, slope in found.items()), end="\n\n")
        off += [abs(pushed.value - value), *(abs(a - b) for a, b in zip(found.values(), slopes, strict=True))]
    titles = (f"W·x + b, an error of {error:g} pushed back", "W·(W·x + b) + b: W and b are shared")
    draw(graphs, titles, options.out)
    scale = max(1.0, *(abs(node) for pushed in graphs for node in pushed.gradients.values()))
    return report(options.out, {"largest error of a value or gradient": (max(off) / scale, "<=", 1e-12)})


if __name__ == "__main__":
    start(main)
