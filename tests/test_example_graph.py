"""The example that draws a neuron: its numbers, its picture and what it refuses."""

import re

import matplotlib.image
import pytest

from .test_examples import assert_is_a_picture, run


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graph")
    found = run("computation_graph.py", "--out", "new/graph.png", cwd=folder)
    assert found.returncode == 0, found.stderr
    return found.stdout, folder


def test_the_value_and_the_gradients(done):
    # of W·(W·x + b) + b: 2·(2Wx + b), 2·W², 2·(W + 1)
    assert re.findall(r"^value .*$", done[0], re.MULTILINE) == [
        "value 7, gradients W 6, x 4, b 2",
        "value 15, gradients W 26, x 8, b 6",
    ]
    assert "largest error of a value or gradient: 0 (wanted <= 1e-12)" in done[0]


def test_the_table_has_values_and_cotangents(done):
    assert re.search(r"^%0 +multiply +W, x +\(\) +float64 +6\.0 +2\.0$", done[0], re.MULTILINE)
    assert re.search(r"^%1 +add +%0, b +\(\) +float64 +7\.0 +2\.0$", done[0], re.MULTILINE)


def test_shared_weights_are_there_once_with_their_fan_out(done):
    _, shared = done[0].split("\nrecurrent\n")
    assert re.findall(r"^W +input .* 2 times$", shared, re.MULTILINE)
    assert len(re.findall(r"^[Wxb] +input ", shared, re.MULTILINE)) == 3


def test_the_picture_is_where_it_says(done):
    (path,) = re.findall(r"^picture: (.+)$", done[0], re.MULTILINE)
    assert_is_a_picture(done[1] / path)
    picture = matplotlib.image.imread(done[1] / path)[..., :3]
    assert all((side == 1.0).all() for side in (picture[0], picture[-1], picture[:, 0], picture[:, -1]))


def test_other_numbers_and_formats(tmp_path):
    found = run(
        "computation_graph.py", "-W", 0.5, "-x", 4, "-b", -1, "--error", 1, "--out", "a.svg", cwd=tmp_path
    )
    assert re.findall(r"^value (.+),", found.stdout, re.MULTILINE) == [
        "1, gradients W 4, x 0.5", "-0.5, gradients W 3, x 0.25",
    ]  # fmt: skip
    assert "largest error of a value or gradient: 0 " in found.stdout
    assert "<svg" in (tmp_path / "a.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--out a.txt", "must end in .png, .pdf or .svg, but is 'a.txt'"),
        ("-W two", "argument -W: invalid float value"),
    ],
)
def test_what_is_refused(arguments, said, tmp_path):
    found = run("computation_graph.py", *arguments.split(), cwd=tmp_path)
    assert found.returncode == 2 and said in found.stderr


def test_the_help_names_every_argument(tmp_path):
    said = run("computation_graph.py", "--help", cwd=tmp_path).stdout
    assert all(name in said for name in ("-W", "-x", "-b", "--error", "--out", "the bias"))
