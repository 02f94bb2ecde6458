"""The networks among the examples: shortened runs reach what they should, and their parts are right."""

import matplotlib.image
import numpy as np
import pytest
from scipy.signal import correlate2d

from funad import grad, tree
from funad.testing import check_grads

# The arguments of a run that is long enough to have learnt something
SHORT = {
    "lstm": ["--epochs", "300"],
    "rnn_text": ["--epochs", "100"],
    "vae": ["--epochs", "40"],
    "autoencoder": ["--single", "2", "--epochs", "12"],
    "convnet": ["--epochs", "4"],
}


# What a shortened run reaches; that of the whole run is the example's own bound
REACHED = {
    "lstm": {"rms error of sin(x)": ("<=", 0.15), "rms error of sin(x)·cos(x)": ("<=", 0.05)},
    "rnn_text": {
        "nats per character": ("<=", 1.5),
        "gain over a table of pairs": (">=", 0.5),
    },
    "vae": {
        "ELBO of 200 digits": (">=", 0),
        "ELBO of all digits": (">=", 0),
        "gain over independent pixels": (">=", 7),
    },
    "autoencoder": {
        "test error of a pixel": ("<=", 0.015),
        "gain over 16 principal components": (">=", -0.0035),
    },
    "convnet": {"test accuracy": (">=", 0.94)},
}


@pytest.mark.parametrize("name", SHORT)
def test_a_short_run_reaches_its_figures_and_draws_a_picture_that_can_be_read(name, example, tmp_path):
    path = tmp_path / "picture.png"
    figures = example(name).main([*SHORT[name], "--out", str(path)])
    assert figures.keys() == REACHED[name].keys()
    for what, (sign, bound) in REACHED[name].items():
        assert figures[what] <= bound if sign == "<=" else figures[what] >= bound, what
    height, width, _ = matplotlib.image.imread(path).shape
    assert width >= 1400
    assert height >= 500


BRIEF = {name: ["--epochs", "1"] for name in SHORT} | {"autoencoder": ["--epochs", "1", "--single", "0"]}


@pytest.mark.parametrize("name", SHORT)
def test_the_seed_decides_everything(example, tmp_path, name):
    first, same, other = (
        example(name).main([*BRIEF[name], "--seed", seed, "--out", str(tmp_path / "a.png")])
        for seed in ("0", "0", "1")
    )
    assert first == same
    assert all(first[figure] != other[figure] for figure in first)


@pytest.mark.parametrize("name", SHORT)
def test_the_help_explains_every_argument(example, capsys, name):
    with pytest.raises(SystemExit) as caught:
        example(name).main(["--help"])
    assert caught.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert example(name).__doc__ in printed
    assert printed.count("(default: ") >= 3


# --- the derivatives of their losses, against differences, at parameters that are small enough for it


def in_float64(params):
    return tree.map(lambda p: np.asarray(p, np.float64), params)


def test_the_derivatives_of_the_lstm_are_right(example, monkeypatch):
    lstm = example("lstm")
    monkeypatch.setattr(lstm, "HIDDEN", 3)
    rng = np.random.default_rng(0)
    points = rng.standard_normal((4, lstm.STEPS + 1))
    check_grads(lambda params: lstm.loss(params, points[:, :-1], points[:, -1]), (lstm.init(rng),))


def test_the_derivatives_of_the_character_network_are_right(example, monkeypatch):
    rnn = example("rnn_text")
    monkeypatch.setattr(rnn, "HIDDEN", 3)
    rng = np.random.default_rng(0)
    texts = rng.integers(5, size=(2, 6))
    check_grads(lambda params: rnn.loss(params, texts), (in_float64(rnn.init(rng, 5)),))


def test_the_derivatives_of_the_bound_are_right(example, monkeypatch):
    vae = example("vae")
    monkeypatch.setattr(vae, "HIDDEN", 3)
    rng = np.random.default_rng(0)
    images, noise = rng.random((4, 64)), rng.standard_normal((4, 2))
    check_grads(lambda params: vae.elbo(params, images, noise), (in_float64(vae.init(rng)),))


def test_the_derivatives_of_the_convolutions_are_right(example, monkeypatch):
    convnet = example("convnet")
    monkeypatch.setattr(convnet, "FEATURES", 2)
    rng = np.random.default_rng(0)
    images, digits = rng.standard_normal((3, 8, 8, 1)), np.array([4, 0, 9])
    params = in_float64(convnet.init(rng))
    way = tree.map(lambda p: rng.standard_normal(p.shape), params)

    def along(t):
        return convnet.loss(tree.map(lambda p, v: p + t * v, params, way), images, digits)

    # A shorter step than that of check_grads, which crosses kinks of relu and of pooling
    np.testing.assert_allclose(grad(along)(0.0), (along(1e-6) - along(-1e-6)) / 2e-6, rtol=1e-7)


# --- their parts


def test_the_zen_of_python_is_the_text(example):
    text = example("rnn_text").zen()
    assert text.startswith("The Zen of Python, by Tim Peters\n\nBeautiful is better than ugly.\n")
    assert len(text) == 856


@pytest.mark.parametrize(
    ("text", "entropy"),
    [("abababab", 0.0), ("aabbaabba", np.log(2)), ("abcb" * 5 + "a", np.log(2) / 2)],
)
def test_the_table_of_pairs_is_the_best_memory_of_one_character(example, text, entropy):
    alphabet, numbers = np.unique(list(text), return_inverse=True)
    found = example("rnn_text").entropy_of_pairs(numbers, len(alphabet))
    np.testing.assert_allclose(found, entropy, atol=1e-12)


def test_the_character_network_learns_any_text(example, tmp_path):
    (tmp_path / "text.txt").write_text("Ein Köder $x_1$\n" * 20, encoding="utf-8")
    figures = example("rnn_text").main(
        ["--text", str(tmp_path / "text.txt"), "--epochs", "150", "--out", str(tmp_path / "a.png")]
    )
    assert figures["nats per character"] <= 0.2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory"),
        (b"a" * 40, "text.txt' has 40 characters; needed are over 40"),
        (b"\xff" * 60, "text.txt': 'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_a_text_that_cannot_be_learnt_is_refused(example, tmp_path, capsys, content, message):
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SystemExit) as caught:
        example("rnn_text").main(["--text", str(path), "--out", str(tmp_path / "a.png")])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_a_convolution_is_that_of_scipy(example):
    rng = np.random.default_rng(0)
    x, W, b = rng.standard_normal((2, 5, 4, 3)), rng.standard_normal((9, 3, 2)), rng.standard_normal(2)
    wanted = np.stack(
        [
            [
                sum(correlate2d(image[..., c], W[:, c, f].reshape(3, 3), "same") for c in range(3)) + b[f]
                for f in range(2)
            ]
            for image in x
        ]
    )
    np.testing.assert_allclose(example("convnet").convolve(x, W, b), np.moveaxis(wanted, 1, 3), rtol=1e-12)


def test_pooling_takes_the_largest_of_four(example):
    x = np.random.default_rng(0).standard_normal((2, 4, 6, 3))
    wanted = x.reshape(2, 2, 2, 3, 2, 3).max(axis=(2, 4))
    np.testing.assert_array_equal(example("convnet").pool(x), wanted)


def test_the_bound_is_below_the_likelihood(example):
    """The mean of p(x | z) over many z of the prior is p(x), here for one image."""
    vae, rng = example("vae"), np.random.default_rng(0)
    params, images = vae.init(rng), rng.random((1, 64)).astype(np.float32)
    z = rng.standard_normal((20_000, 2), np.float32)
    errors = images - vae.decode(params, z)
    likelihood = np.log(np.mean(np.exp(-np.sum(errors.astype(float) ** 2, axis=1) / 2))) - 32 * np.log(
        2 * np.pi
    )
    bounds = [vae.elbo(params, images, rng.standard_normal((1, 2), np.float32)) for _ in range(1000)]
    assert likelihood - 3 < np.mean(bounds) < likelihood


def test_all_gradients_come_in_one_tuple(example):
    autoencoder, rng = example("autoencoder"), np.random.default_rng(0)
    params, x = autoencoder.init(rng, (64, 32, 16, 64)), rng.random((3, 64), np.float32)
    slopes = autoencoder.slopes(params, x)
    assert [(type(p), p.shape, p.dtype) for p in slopes] == [(type(p), p.shape, p.dtype) for p in params]


def test_as_many_principal_components_as_pixels_lose_nothing(example):
    x = np.random.default_rng(0).standard_normal((50, 6))
    principal = example("autoencoder").principal
    np.testing.assert_allclose(principal(x, x, 6), 0, atol=1e-12)
    np.testing.assert_allclose(principal(x[:40], x[40:], 6), 0, atol=1e-12)
    assert principal(x, x, 3) > principal(x, x, 5) > 0


def idx(array):
    """Return the content of an IDX file of unsigned bytes."""
    return bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def test_the_auto_encoder_reads_the_files_of_mnist(example, tmp_path):
    digits = np.random.default_rng(0).integers(10, size=120).astype(np.uint8)
    images = np.zeros((120, 28, 28), np.uint8)
    images[np.arange(120), 2 * digits + 4] = 255  # a line, further down for larger digits
    for part, some in (("train", slice(100)), ("t10k", slice(100, None))):
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx(images[some]))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx(digits[some]))
    out = ["--out", str(tmp_path / "a.png")]
    figures = example("autoencoder").main(["--data", str(tmp_path), "--epochs", "30", *out])
    # One line of 28 is 255: always answering the mean image errs by 0.03.
    assert figures["test error of a pixel"] <= 0.01
    assert "gain over 100 principal components" in figures


def test_the_auto_encoder_names_what_is_missing(example, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        example("autoencoder").main(["--data", str(tmp_path), "--out", str(tmp_path / "a.png")])
    assert caught.value.code == 2
    assert "has no train-images-idx3-ubyte" in capsys.readouterr().err
