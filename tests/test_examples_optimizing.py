"""The examples that train and draw, shortened, and the program that runs them all."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def main(example, tmp_path):
    """Return the function that runs an example into a picture, and returns its figures."""

    def run(name, *arguments):
        path = tmp_path / "new" / f"{name}.png"
        figures = example(name).main([*map(str, arguments), "--out", str(path)])
        height, width, _ = matplotlib.image.imread(path).shape
        assert width >= 1200
        assert height >= 500
        return figures

    return run


# --- logistic regression


def test_logistic_regression_finds_the_weights_of_scikit_learn(main, capsys):
    figures = main("logistic_regression", "--epochs", 800)
    assert figures["test accuracy"] >= 0.96
    assert figures["largest difference of a gradient by hand"] <= 1e-12
    assert figures["largest difference from scikit-learn's weights"] <= 1e-3
    assert re.search(
        r"^  w\[0\]: [-+.\d]+ - 0.2 · [-+.\d]+ = [-+.\d]+ ", capsys.readouterr().out, re.MULTILINE
    )


def test_logistic_regression_may_be_as_short_as_one_step(main):
    assert main("logistic_regression", "--epochs", 1)["largest difference from scikit-learn's weights"] > 0.01


# --- spiral


def test_the_arms_of_the_spiral_are_told_apart(main):
    figures = main("spiral", "--epochs", 200)
    assert figures["training accuracy"] >= 0.95
    assert figures["test accuracy"] >= 0.95


def test_the_spiral_has_three_arms_of_equal_length(example):
    points, arms = example("spiral").spiral(np.random.default_rng(0), 50, noise=0.0)
    assert np.bincount(arms).tolist() == [50, 50, 50]
    np.testing.assert_allclose(np.hypot(*points.T).reshape(3, 50), np.linspace(0, 1, 50)[None].repeat(3, 0))


# --- fizz buzz


def test_fizzbuzz_counts_to_a_hundred(main, capsys):
    assert main("fizzbuzz")["right of 100"] == 100
    assert "\n1 2 fizz 4 buzz fizz 7 8 fizz buzz 11 fizz 13 14 fizzbuzz 16 " in "\n" + capsys.readouterr().out


def test_an_untrained_network_cannot_count(main):
    assert main("fizzbuzz", "--epochs", 1)["right of 100"] < 80


def test_the_right_answers_are_those_of_the_game(example):
    module = example("fizzbuzz")
    said = [module.WORDS[n] for n in module.answers(np.arange(1, 16))]
    i, f, b = "itself", "fizz", "buzz"
    assert said == [i, i, f, i, b, f, i, i, f, b, i, f, i, i, "fizzbuzz"]
    assert module.binary(np.array([5]))[0].tolist() == [1, -1, 1, -1, -1, -1, -1, -1, -1, -1]


# --- tanh


def test_the_derivatives_of_tanh_are_its_polynomials(main):
    assert main("tanh")["largest relative error of a curve"] <= 1e-12


def test_the_polynomials_of_tanh_are_the_known_ones(example):
    first, second, third = example("tanh").on_paper(3)[1:]
    assert first.coef.tolist() == [1, 0, -1]  # 1 - t²
    assert second.coef.tolist() == [0, -2, 0, 2]  # -2t(1 - t²)
    assert third.coef.tolist() == [-2, 0, 8, 0, -6]


# --- dual numbers


def test_dual_numbers_by_hand_have_the_known_figures(main, capsys):
    figures = main("dual_numbers", "--rounds", 3)
    assert figures.pop("largest error of f(3, 5), ∂f/∂x, ∂f/∂y") <= 1e-12
    assert "f(3, 5) = 381.14, ∂f/∂x = 126.01, ∂f/∂y = 225.0\n" in capsys.readouterr().out
    assert all(times > 2 for times in figures.values())  # it is 50 and more


def test_a_dual_number_knows_its_constants(example):
    dual = example("dual_numbers").ByHand(3.0, 1.0)
    assert 2 + dual * 4 + 1 == (15.0, 4.0)
    assert 2 * dual**3 == (54.0, 54.0)
    assert example("dual_numbers").quadratic(dual) == (2.0, 4.0)


# --- Rosenbrock


def test_every_optimizer_comes_down_the_valley(main, capsys):
    figures = main("rosenbrock", "--epochs", 1500)
    assert figures["largest value at the end"] <= 0.5  # the start has 17.7
    assert figures["smallest value at the end"] <= 1e-10
    out = capsys.readouterr().out
    for name in ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"):
        assert re.search(rf"^ *{name} ends on a value of ", out, re.MULTILINE)


# --- all of them


def test_every_example_keeps_to_the_form(example, tmp_path):
    found = example("run_all").examples()
    assert len(found) >= 8
    for name, (path, sentence) in found.items():
        text = path.read_text(encoding="utf-8")
        body = ast.parse(text).body
        assert sentence.endswith("."), f"{name} has no sentence for the gallery"
        assert any(getattr(node, "name", "") == "main" and node.args.defaults for node in body), name
        assert re.search(r'if __name__ == "__main__":\n    (sys\.exit\()?start\(main\)', text), name
        with pytest.raises(SystemExit) as caught:
            example(name).main(["--unheard", "--out", str(tmp_path / "a.png")])
        assert caught.value.code == 2, name


def test_every_example_is_in_the_gallery(example):
    module = example("run_all")
    readme = module.README.read_text(encoding="utf-8")
    for name in set(module.examples()) - set(module.NEED_DATA):
        assert f'<img src="gallery/{name}.png"' in readme, f"run examples/run_all.py --gallery for {name}"
        assert (module.GALLERY / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert sum(path.stat().st_size for path in module.GALLERY.iterdir()) < 1.5e6


def test_every_figure_in_the_gallery_was_reached(example):
    module = example("run_all")
    text = module.README.read_text(encoding="utf-8").split(module.START)[1]
    rows = re.findall(r": \*\*(\S+)\*\* \((>=|<=) (\S+)\)", text)
    assert len(rows) >= len(module.examples()) - len(module.NEED_DATA)
    assert all(module.Figure("", float(value), sign, float(bound)).good for value, sign, bound in rows)


def run_all(*arguments):
    return subprocess.run(
        [sys.executable, str(EXAMPLES / "run_all.py"), *arguments],
        capture_output=True,
        encoding="utf-8",
        cwd=EXAMPLES.parent,
    )


def test_running_some_prints_a_table_of_their_figures(tmp_path):
    done = run_all("tanh", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    head, rule, row = done.stdout.splitlines()
    assert head == "| example | figure | reached | wanted |   | seconds |"
    assert re.fullmatch(
        r"\| tanh \| largest relative error of a curve \| \S+ \| <= 1e-12 \| reached \| [\d.]+ \|", row
    )


def test_what_needs_data_is_left_out_and_named(example, capsys):
    assert example("run_all").main(["mnist"]) == 0
    assert "left out, for want of --data DIR: mnist" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "row"),
    [
        ("print('error: 2 (wanted <= 1)')", r"\| a \| error \| 2 \| <= 1 \| MISSED \|"),
        ("print('error: nan (wanted <= 1)')", r"\| a \| error \| nan \| <= 1 \| MISSED \|"),
        ("raise ValueError('what is wrong')", r"\| a \| ValueError: what is wrong \| \| \| FAILED \|"),
        ("pass", r"\| a \| no figure printed \| \| \| FAILED \|"),
    ],
)
def test_what_is_missed_or_fails_is_said_and_counted(example, tmp_path, code, row):
    module = example("run_all")
    (tmp_path / "a.py").write_text(f'"""A sentence."""\ndef main():\n    {code}\nmain()\n')
    (tmp_path / "no_example.py").write_text('"""No example."""\n')
    found = module.examples(tmp_path)
    assert list(found) == ["a"]
    runs = module.run_all(found, None, tmp_path)
    assert not runs[0].good
    assert re.search(row, module.table(runs))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "there is no example nonsense; there are "),
        (["--gallery", "tanh"], "the gallery shows all examples: give no NAME with --gallery"),
    ],
)
def test_running_refuses_what_it_cannot(example, capsys, arguments, message):
    with pytest.raises(SystemExit):
        example("run_all").main(arguments)
    assert message in capsys.readouterr().err


# --- compiled


def test_compiled_derivatives_are_those_of_eager_and_say_what_they_save(
    example, tmp_path, capsys, monkeypatch
):
    module = example("compiled")
    rates, start = np.array([0.5, 0.03, 0.8, 0.02]), np.array([30.0, 4.0])
    measured = np.vstack([start, module.trajectory(rates, start)[:5]])
    misfit = lambda rates: np.sum((np.log(module.trajectory(rates, start, 5)) - np.log(measured[1:])) ** 2)
    assert misfit(rates) < 1e-20
    monkeypatch.setattr(module.trajectory, "__defaults__", (5, 0.1))
    slope = module.compile(module.value_and_grad(module.misfit))
    for k in range(3):
        value, found = slope(rates * (1.1 + k), measured)
        wanted = module.value_and_grad(module.misfit)(rates * (1.1 + k), measured)
        np.testing.assert_allclose(value, wanted[0], rtol=1e-12)
        np.testing.assert_allclose(found, wanted[1], rtol=1e-9)
    monkeypatch.setattr(module.Timer, "autorange", lambda timer: (1, 0.0))  # one call each
    figures = module.main(["--out", str(tmp_path / "compiled.png")])
    assert set(figures) == {f"so many times faster, {what}" for what in ("a training step", "an ODE fit")}
    assert (tmp_path / "compiled.png").read_bytes().startswith(b"\x89PNG")
    said = capsys.readouterr().out
    assert "def program(rates, measured):" in said
    assert "µs compiled" in said
