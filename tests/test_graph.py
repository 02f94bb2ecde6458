"""funad.graph: what ran, with its values and cotangents, as a table, as DOT text and as pictures."""

import functools
import re
import subprocess
import sys
import xml.etree.ElementTree

import matplotlib.image
import numpy as onp
import pytest

import funad
import funad.numpy as np
from funad import checkpoint, defvjp, grad, graph, jvp, primitive, tree
from funad.errors import (
    ArgumentError,
    ArgumentTypeError,
    CotangentError,
    NonScalarOutputError,
    PictureError,
)
from funad.graphs.drawing import Drawing
from funad.graphs.layout import Layout

x = onp.array([0.3, -0.7, 1.1])


def neuron(W, x, b):
    return W * x + b


def network(params, x, labels):
    for W, b in params["layers"]:
        x = np.tanh(x @ W + b)
    shifted = x - np.max(x, axis=1, keepdims=True)
    logs = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return -np.mean(logs[np.arange(len(x)), labels])


@pytest.fixture
def arguments():
    rng = onp.random.default_rng(0)
    layers = [(rng.normal(size=(4, 3)), onp.zeros(3)), (rng.normal(size=(3, 3)), onp.zeros(3))]
    return {"layers": layers}, rng.normal(size=(5, 4)), onp.array([0, 1, 2, 0, 1])


def names_of(recorded):
    """Return the operations, in order, as the table has them."""
    rows = [line.split() for line in str(recorded).splitlines() if line.startswith("%")]
    return [row[1] for row in rows]


# --- what is recorded


def test_every_value_is_a_node_in_the_order_in_which_things_ran():
    recorded = graph(neuron)(2.0, 3.0, 1.0)
    assert [node.value for node in recorded.nodes] == [2.0, 3.0, 1.0, 6.0, 7.0]
    assert recorded.value == 7.0
    assert [parent.index for _, parent in recorded.nodes[4].parents()] == [3, 2]
    assert repr(recorded) == "<graph of neuron: 3 inputs, 2 operations>"


def test_the_value_is_what_the_function_returns(arguments):
    assert graph(network)(*arguments).value == network(*arguments)
    f = lambda p: {"y": [p["a"] * 2, 3], "name": "n"}
    assert graph(f)({"a": 1.5}).value == {"y": [3.0, 3], "name": "n"}


def test_a_node_knows_the_users_line():
    recorded = graph(neuron)(2.0, 3.0, 1.0)
    assert re.search(r'test_graph.py", line \d+, in neuron$', recorded.nodes[3].line)


def test_large_arrays_are_kept_though_a_tape_would_let_them_go():
    big = onp.ones((100, 100))
    recorded = graph(lambda a: np.sum(a + big) * 2.0)(big)
    assert recorded.nodes[1].value.sum() == 20_000.0
    onp.testing.assert_array_equal(recorded.backward().gradients["a"], 2 * big)


def test_integers_are_constants_unless_argnums_names_them():
    def power(x, n):
        for _ in range(n - 1):
            x = x * x
        return x

    assert names_of(graph(power)(2.0, 3)) == ["multiply", "multiply"]
    recorded = graph(neuron, argnums=(0, "x"))(2, 3, 1).backward()
    assert recorded.gradients == {"W": 3.0, "x": 2.0}
    assert graph(neuron, argnums="b")(2.0, 3.0, b=1.0).backward().gradients == {"b": 1.0}
    with pytest.raises(ArgumentTypeError, match=r"no argument of neuron is a float.*2\.0 for 2.*argnums"):
        graph(neuron)(2, 3, 1)


def test_nested_derivatives_are_recorded_on_both_ways():
    recorded = graph(grad(lambda x: np.sin(x) * x))(0.7)
    assert {"sin", "cos"} <= set(names_of(recorded))
    assert recorded.backward().gradients["x"] == pytest.approx(2 * onp.cos(0.7) - 0.7 * onp.sin(0.7))
    tangents = graph(lambda x: jvp(np.sin, (x,), (1.0,))[1])(0.7)
    assert tangents.backward().gradients["x"] == pytest.approx(-onp.sin(0.7))


def test_inside_of_a_derivative():
    f = lambda x: x * graph(lambda y: y * x)(x).backward().gradients["y"]
    assert grad(f)(3.0) == 6.0
    g = lambda x: graph(lambda y: y**2)(x).value
    assert grad(g)(3.0) == 6.0 and jvp(g, (3.0,), (1.0,)) == (9.0, 6.0)


def test_checkpoints_several_results_and_lists_of_arrays():
    recorded = graph(checkpoint(lambda x: np.sin(x) * x))(0.7)
    assert names_of(recorded) == ["sin", "multiply"]
    A = onp.diag([1.0, 2.0, 4.0])
    recorded = graph(lambda A: np.sum(np.linalg.eigh(A)[0] ** 2))(A).backward()
    assert names_of(recorded)[:3] == ["linalg.eigh", "result", "result"]
    onp.testing.assert_allclose(recorded.gradients["A"], 2 * A)
    recorded = graph(lambda a, b: np.sum(np.concatenate([a, x, b]) ** 2))(x, 2 * x).backward()
    assert "[a, float64[3], b]" in str(recorded)
    onp.testing.assert_allclose(recorded.gradients["b"], 4 * x)


def test_assignments_are_recorded_and_change_no_value_noted_before():
    def f(x):
        y = np.zeros(3)
        y[0] = x[0] * 2
        y[1:] += np.sqrt(x[1:])
        return np.sum(y * y)

    at = onp.array([1.0, 4.0, 9.0])
    recorded = graph(f)(at).backward()
    rows = {line.split()[0]: line for line in str(recorded).splitlines()}
    assert re.search(r"assignment +\[float64\[3\], %1\], at \[0\] .*\[2\.0, 0\.0, 0\.0\]", rows["%2"])
    assert re.search(r"assignment +\[%2, %6\], at \[1:\]\[\.\.\.\] .*\[2\.0, 2\.0, 3\.0\]", rows["%7"])
    assert "[4.0, 4.0, 6.0]" in rows["%7"] and recorded.cotangents[8].tolist() == [4.0, 4.0, 6.0]
    assert recorded.gradients["x"].tolist() == grad(f)(at).tolist() == [8.0, 1.0, 1.0]


def test_methods_keywords_and_starred_arguments_have_names():
    class Model:
        @graph
        def loss(self, x, *rest, k):
            return x * rest[0] * rest[1]["w"] * k

    recorded = Model().loss(1.0, 2.0, {"w": 3.0}, k=4.0).backward()
    assert recorded.gradients == {"x": 24.0, "rest[0]": 12.0, "rest[1]['w']": 8.0, "k": 6.0}


# --- the way back


def test_an_error_of_two_pushed_back_through_a_neuron():
    recorded = graph(neuron)(2.0, 3.0, 1.0)
    back = recorded.backward(2.0)
    assert back.gradients == {"W": 6.0, "x": 4.0, "b": 2.0}
    assert [float(ybar) for ybar in back.cotangents] == [6.0, 4.0, 2.0, 2.0, 2.0]
    assert recorded.cotangents is None and recorded.gradients == {}


def test_the_gradients_are_those_of_grad(arguments):
    wanted = grad(network, (0, 1))(*arguments)
    found = graph(network)(*arguments).backward().gradients
    leaves = dict(zip(tree.paths(arguments[:2]), tree.flatten(wanted)[0], strict=True))
    assert len(found) == len(leaves) == 5
    for (path, leaf), (name, gradient) in zip(leaves.items(), found.items(), strict=True):
        assert path.replace("[0]", "params", 1) == name or name == "x"
        onp.testing.assert_allclose(gradient, leaf, rtol=1e-13)


def test_a_cotangent_is_that_of_everything_that_follows():
    def f(x):
        e = np.exp(x)
        return np.sum(e * np.sin(e))

    recorded = graph(f)(x).backward()
    e = onp.exp(x)
    onp.testing.assert_allclose(recorded.cotangents[1], onp.sin(e) + e * onp.cos(e))


def test_a_masked_infinity_does_not_spoil_a_cotangent():
    at = onp.array([4.0, 0.0])
    recorded = graph(lambda x: np.sum(np.where(x > 0, np.sqrt(x), x)))(at).backward()
    assert recorded.gradients["x"].tolist() == [0.25, 1.0]


def test_several_outputs_take_a_cotangent_each():
    recorded = graph(lambda a, b: {"p": a * b, "q": [a, 3.0]})(2.0, 5.0)
    assert recorded.backward({"p": 1.0, "q": [10.0, 7.0]}).gradients == {"a": 15.0, "b": 2.0}
    with pytest.raises(NonScalarOutputError, match=r"backward\(ybar\)"):
        recorded.backward()
    with pytest.raises(CotangentError, match="structure"):
        recorded.backward([1.0, 2.0])
    with pytest.raises(CotangentError, match=r"shape \(3,\), but ȳ has shape \(\)"):
        graph(np.sin)(x).backward(1.0)
    with pytest.raises(NonScalarOutputError):
        graph(np.sin)(1j).backward()


def test_what_nothing_came_back_to():
    recorded = graph(lambda a, b: (np.sin(a), a * b)[1])(2.0, 5.0).backward()
    assert recorded.cotangents[2] is None and recorded.gradients == {"a": 5.0, "b": 2.0}
    assert graph(lambda a, b: a * 1.0)(2.0, x).backward().gradients["b"].tolist() == [0.0, 0.0, 0.0]


def test_an_error_on_the_way_back_names_the_users_line():
    @primitive
    def crooked(x):
        return 2.0 * x

    defvjp(crooked, lambda y, ybar, x: ybar @ onp.ones((7, 7)))

    def f(x):
        return np.sum(crooked(np.sin(x)))

    with pytest.raises(ValueError, match="matmul") as caught:
        graph(f)(x).backward()
    assert re.search(
        r'on the way back through File ".*test_graph.py", line \d+, in f', caught.value.__notes__[-1]
    )


# --- the table


def test_the_table_of_a_neuron():
    assert str(graph(neuron)(2.0, 3.0, 1.0)).splitlines() == [
        "name  operation  inputs  shape  dtype    value",
        "W     input              ()     float64  2.0",
        "x     input              ()     float64  3.0",
        "b     input              ()     float64  1.0",
        "%0    multiply   W, x    ()     float64  6.0",
        "%1    add        %0, b   ()     float64  7.0",
        "output = %1",
    ]


def test_the_table_names_inputs_by_their_paths_and_constants_by_their_arguments(arguments):
    said = str(graph(network)(*arguments).backward())
    assert re.search(r"^params\['layers'\]\[1\]\[0\] +input +\(3,3\) +float64", said, re.MULTILINE)
    assert re.search(r"^%0 +matmul +x, params\['layers'\]\[0\]\[0\] +\(5,3\)", said, re.MULTILINE)
    assert re.search(r"^%6 +max +%5, axis=1, keepdims=True +\(5,1\)", said, re.MULTILINE)
    assert re.search(r"^%12 +indexing +%11, int64\[5\], labels ", said, re.MULTILINE)
    assert re.search(r"^%5 .* 2 times$", said, re.MULTILINE)
    assert max(map(len, said.splitlines())) < 200


@pytest.mark.parametrize(
    ("f", "at", "said"),
    [
        (lambda x: x[1:, ::2, None, ...], onp.ones((2, 3)), "x, 1:, ::2, None, ..."),
        (lambda x: np.reshape(x, (3, 2)), onp.ones((2, 3)), "x, (3, 2)"),
        (lambda x: np.power(x, 1 / 3), 2.0, "x, 0.333333"),
        (lambda x: x * (1 - 2j), 2.0, "x, 1.0-2.0j"),
        (lambda x: np.sum(x, where=onp.array([True, False, True])), x, "x, where=bool[3]"),
    ],
)
def test_constants_are_said_shortly(f, at, said):
    assert f" {said}  " in str(graph(f)(at))


def test_an_output_that_depends_on_nothing_is_said_so():
    assert str(graph(lambda a: (a, 3.0))(1.0)).splitlines()[-2:] == [
        "output[0] = a",
        "output[1] = a constant",
    ]


# --- DOT


def labels(text):
    """Return the labels of the vertices in DOT text, without their markup."""
    found = re.findall(r"^  v\d+ \[label=(?:<(.*)>, fillcolor|\"(.*?)\", shape)", text, re.MULTILINE)
    return [re.sub(r"<[^>]+>", "|", a).replace("||", "|").strip("|") or b for a, b in found]


def test_dot_has_each_value_once_and_an_edge_for_each_use():
    text = graph(lambda w, x: w * x + np.sin(w * w) * 2.0)(3.0, 5.0).backward().dot
    titles = [label.partition("|")[0] for label in labels(text)]
    assert titles == [
        "w", "x", "%0 = multiply(w, x)", "%1 = multiply(w, w)", "%2 = sin(%1)", "2.0",
        "%3 = multiply(%2, 2.0)", "%4 = add(%0, %3)",
    ]  # fmt: skip
    assert re.findall(r"^  v(\d+) -> v(\d+);", text, re.MULTILINE) == [
        ("0", "2"), ("1", "2"), ("0", "3"), ("0", "3"), ("3", "4"), ("4", "6"), ("5", "6"),
        ("2", "7"), ("6", "7"),
    ]  # fmt: skip
    assert "used 3 times" in labels(text)[0] and "cotangent 3.0" in labels(text)[1]
    assert "fontsize=8" in text.splitlines()[8] and labels(text)[-1].endswith("|output")


def test_an_array_that_is_a_constant_is_drawn_once():
    A = onp.ones((3, 3))
    text = graph(lambda v: A @ (A @ v))(x).dot
    assert labels(text).count("float64[3, 3]") == 1


def test_dot_escapes_what_has_a_meaning():
    text = graph(lambda p: p['a<"&\\'] * 2.0)({'a<"&\\': 1.0}).dot
    assert "p['a&lt;\"&amp;\\\\']" in text
    assert text.startswith('digraph "<lambda>" {') and text.endswith("}\n")


# --- pictures


def layout_of(recorded):
    return Layout(recorded._drawing())


def overlapping(a, b):
    return (
        abs(a.x - b.x) < (a.width + b.width) / 2 and a.y < b.y + b.height and b.y < a.y + a.height
    )  # fmt: skip


def steps(x, n):
    states = [x]
    for k in range(n):
        states.append(np.sin(states[-1]) * states[k // 2] + 0.5)
    return states[-1]


@pytest.mark.parametrize("n", [0, 1, 5, 25])
def test_boxes_stand_apart_inside_the_picture_and_edges_go_down(n):
    layout = layout_of(graph(lambda x, y: (steps(x, n), y * 2.0))(0.5, x).backward((1.0, x)))
    for number, box in enumerate(layout.boxes):
        assert box.x - box.width / 2 > 0 and box.x + box.width / 2 < layout.width
        assert box.y > 0 and box.y + box.height < layout.height
        assert not any(overlapping(box, other) for other in layout.boxes[:number])
    for curve in layout.curves:
        heights = [y for _, y in curve]
        assert heights == sorted(heights) and heights[0] < heights[-1]


def test_an_edge_goes_through_no_box():
    layout = layout_of(graph(lambda x: steps(x, 12))(0.5))
    for curve in layout.curves:
        straight = [(a, b) for a, b in zip(curve[1:-1:2], curve[2:-1:2], strict=True)]
        for (across, top), (_, bottom) in straight:
            assert not any(
                abs(box.x - across) < box.width / 2 and box.y < bottom and top < box.y + box.height
                for box in layout.boxes
            )


def test_a_chain_of_operations_is_straight():
    boxes = layout_of(graph(lambda x: np.sin(np.cos(np.tanh(x))))(0.5)).boxes
    assert max(box.x for box in boxes) - min(box.x for box in boxes) < 1e-6


def test_svg_is_well_formed_and_says_everything(tmp_path, arguments):
    recorded = graph(network)(*arguments).backward()
    text = recorded.svg(tmp_path / "graph.svg", engine="funad")
    assert (tmp_path / "graph.svg").read_text(encoding="utf-8") == text
    root = xml.etree.ElementTree.fromstring(text)
    said = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "params['layers'][0][0]" in said and "%13 = mean(%12)" in said and "used 2 times" in said
    assert sum(line.startswith("cotangent") for line in said) == len(recorded.nodes)


def test_png_is_a_picture_with_something_on_it(tmp_path):
    graph(neuron)(2.0, 3.0, 1.0).backward(2.0).png(tmp_path / "graph.png", engine="funad")
    picture = matplotlib.image.imread(tmp_path / "graph.png")
    assert picture.shape[0] > 400 and picture.shape[1] > 400
    edges = (picture[0], picture[-1], picture[:, 0], picture[:, -1])
    assert all((edge[..., :3] == 1.0).all() for edge in edges)  # nothing is cut off
    assert 0.02 < (picture[..., :3].min(axis=2) < 0.9).mean() < 0.5


def test_a_picture_too_large_to_be_legible_is_refused(tmp_path):
    recorded = graph(lambda x: functools.reduce(lambda y, _: np.sin(y), range(1500), x))(0.5)
    with pytest.raises(PictureError, match=r"too large.*svg\(path\)"):
        recorded.png(tmp_path / "graph.png", engine="funad")


@pytest.fixture
def no_dot(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


def write_dot(folder, code):
    """Put a program called dot there, as graphviz's."""
    program = folder / "dot"
    program.write_text(f"#!{sys.executable}\n{code}", encoding="utf-8")
    program.chmod(0o755)


def test_without_graphviz_a_request_for_it_says_what_to_do(no_dot, tmp_path):
    recorded = graph(neuron)(2.0, 3.0, 1.0)
    with pytest.raises(PictureError, match=r"graphviz is not installed.*apt-get.*engine='funad'"):
        recorded.svg(engine="graphviz")
    with pytest.raises(PictureError, match="graphviz is not installed"):
        recorded.png(tmp_path / "a.png", engine="graphviz")
    assert recorded._repr_svg_() == recorded.svg() == recorded.svg(engine="funad")
    with pytest.raises(ArgumentError, match="'neato'"):
        recorded.svg(engine="neato")


def test_a_notebook_is_not_kept_waiting_for_a_large_graph():
    assert graph(steps)(0.5, 200)._repr_svg_() is None


def test_with_graphviz_it_draws(no_dot, tmp_path):
    write_dot(tmp_path, "import sys\nsys.stdout.write(f'{sys.argv[1]} {sys.stdin.read()}')")
    recorded = graph(neuron)(2.0, 3.0, 1.0)
    assert recorded.svg() == f"-Tsvg {recorded.dot}"
    recorded.png(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_text() == f"-Tpng {recorded.dot}"


def test_what_graphviz_says_is_passed_on(no_dot, tmp_path):
    write_dot(tmp_path, "import sys\nsys.exit('syntax error in line 3')")
    with pytest.raises(PictureError, match="syntax error in line 3"):
        graph(neuron)(2.0, 3.0, 1.0).svg()


def test_without_matplotlib_a_png_says_what_to_do(no_dot, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "funad.graphs.raster", raising=False)
    with pytest.raises(PictureError, match=r"pip install matplotlib, or write svg\(path\)"):
        graph(neuron)(2.0, 3.0, 1.0).png(tmp_path / "a.png")


def test_graph_is_the_function_and_is_loaded_when_asked_for():
    code = "import sys, funad; assert 'funad.graphs' not in sys.modules\n"
    code += "from funad import graph; import funad.graphs\n"
    code += "assert funad.graph is graph is funad.graphs.graph and 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert isinstance(graph(neuron)(2.0, 3.0, 1.0), funad.graphs.Graph)
    assert isinstance(graph(neuron)(2.0, 3.0, 1.0)._drawing(), Drawing)
