"""The example that draws a neuron: its numbers, its pictures and what it refuses."""

import re
import xml.etree.ElementTree

import matplotlib.image
import pytest

from .test_examples import run


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graph")
    found = run("computation_graph.py", "--out", "new/graph.png", cwd=folder)
    assert found.returncode == 0, found.stderr
    return found.stdout, folder


def test_the_value_and_the_gradients(done):
    assert re.findall(r"^value: (.+)$", done[0], re.MULTILINE) == ["7", "15"]
    # of W·(W·x + b) + b: 2·(2Wx + b), 2·W², 2·(W + 1)
    assert re.findall(r"^gradients: (.+)$", done[0], re.MULTILINE) == ["W 6, x 4, b 2", "W 26, x 8, b 6"]


def test_the_table_has_values_and_cotangents(done):
    assert re.search(r"^%0 +multiply +W, x +\(\) +float64 +6\.0 +2\.0$", done[0], re.MULTILINE)
    assert re.search(r"^%1 +add +%0, b +\(\) +float64 +7\.0 +2\.0$", done[0], re.MULTILINE)


def test_shared_weights_are_there_once_with_their_fan_out(done):
    _, shared = done[0].split("\nrecurrent\n")
    assert re.findall(r"^W +input .* 2 times$", shared, re.MULTILINE)
    assert len(re.findall(r"^[Wxb] +input ", shared, re.MULTILINE)) == 3


def test_the_pictures_are_where_it_says(done):
    paths = re.findall(r"^picture: (.+)$", done[0], re.MULTILINE)
    assert [str(path).replace("\\", "/") for path in paths] == ["new/graph.png", "new/graph-shared.png"]
    for path in paths:
        picture = matplotlib.image.imread(done[1] / path)
        height, width, _ = picture.shape
        assert width >= 800 and height >= 700
        sides = (picture[0], picture[-1], picture[:, 0], picture[:, -1])
        assert all((side[..., :3] == 1.0).all() for side in sides)  # nothing is cut off


def test_svg_and_other_numbers(tmp_path):
    found = run(
        "computation_graph.py", "-W", 0.5, "-x", 4, "-b", -1, "--error", 1, "--out", "a.svg", cwd=tmp_path
    )
    assert re.findall(r"^value: (.+)$", found.stdout, re.MULTILINE) == ["1", "-0.5"]
    root = xml.etree.ElementTree.parse(tmp_path / "a.svg").getroot()
    assert root.tag.endswith("svg")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--out a.pdf", "must end in .png or .svg, but is 'a.pdf'"),
        ("-W two", "argument -W: invalid float value"),
    ],
)
def test_what_is_refused(arguments, said, tmp_path):
    found = run("computation_graph.py", *arguments.split(), cwd=tmp_path)
    assert found.returncode == 2 and said in found.stderr


def test_the_help_names_every_argument(tmp_path):
    said = run("computation_graph.py", "--help", cwd=tmp_path).stdout
    assert all(name in said for name in ("-W", "-x", "-b", "--error", "--out", "the bias"))
