"""The examples, run as a user runs them, and the files that they refuse."""

import gzip
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from sklearn.datasets import load_digits

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def run(script, *arguments, cwd):
    """Run an example of this checkout in a process of its own, from some other folder.

    With one thread: on a busy machine, matrices this small take ten times as long with two.
    """
    return subprocess.run(
        [sys.executable, str(EXAMPLES / script), *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


def accuracy(done):
    """Return the test accuracy of the larger network, which a run has printed last."""
    assert done.returncode == 0, done.stderr
    said = r"^test accuracy of the \S+ network: (\S+) \(wanted >= \S+\)$"
    return float(re.findall(said, done.stdout, re.MULTILINE)[-1])


def assert_is_a_picture(path):
    height, width, _ = matplotlib.image.imread(path).shape
    assert path.read_bytes().startswith(b"\x89PNG")
    assert width >= 1000
    assert height >= 500


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    return run("digits.py", "--out", "new/picture.png", cwd=folder), folder


def test_the_network_reads_digits(digits_run):
    assert accuracy(digits_run[0]) >= 0.97


def test_two_layers_read_better_than_one(digits_run):
    found = re.findall(r"^test accuracy of the \S+ network: (\S+)", digits_run[0].stdout, re.MULTILINE)
    one, two = map(float, found)
    assert 0.93 <= one < two


def test_each_epoch_tells_the_accuracies(digits_run):
    lines = re.findall(
        r"^epoch +(\d+)   loss (\d\.\d{4})   train ([01]\.\d{4})   test ([01]\.\d{4})$",
        digits_run[0].stdout,
        re.MULTILINE,
    )
    assert [int(epoch) for epoch, *_ in lines] == 2 * list(range(1, 61))  # one layer, then two
    losses = [float(loss) for _, loss, _, _ in lines]
    assert losses[59] < losses[0] / 5
    assert losses[-1] < losses[60] / 10


def test_a_bar_shows_the_progress(digits_run):
    assert "100%" in digits_run[0].stderr


def test_the_picture_is_where_it_says(digits_run):
    done, folder = digits_run
    path = re.search(r"^picture: (.+)$", done.stdout, re.MULTILINE)[1]
    assert_is_a_picture(folder / path)


def test_the_seed_decides_everything(digits_run, tmp_path):
    first = re.compile(r"^epoch +1 .*$", re.MULTILINE)
    same, other = (
        run("digits.py", "--epochs", 1, "--seed", n, "--out", "a.png", cwd=tmp_path) for n in (0, 4)
    )
    assert first.findall(same.stdout) == first.findall(digits_run[0].stdout) != []
    assert first.findall(other.stdout) != first.findall(same.stdout)


def test_one_layer_is_the_softmax_classifier(tmp_path):
    done = run("digits.py", "--layers", 1, "--epochs", 20, "--out", "one.png", cwd=tmp_path)
    assert "64-10 network" in done.stdout
    assert accuracy(done) >= 0.93
    assert_is_a_picture(tmp_path / "one.png")


def test_a_loss_that_leaves_the_numbers_ends_the_training_with_advice(tmp_path):
    done = run("digits.py", "--rate", "1e30", "--epochs", 2, "--out", "a.png", cwd=tmp_path)
    assert done.returncode == 1
    assert "try a --rate below 1e+30" in done.stderr
    assert "Traceback" not in done.stderr


def started(script, *arguments, cwd, **pipes):
    """Start an example, to do something with it while it runs."""
    return subprocess.Popen(
        [sys.executable, "-u", str(EXAMPLES / script), *arguments, "--out", "a.png"],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        **pipes,
    )


@pytest.mark.parametrize("script", ["digits.py", "rosenbrock.py"])
def test_ctrl_c_ends_a_run_in_a_word(tmp_path, script):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a child has what is ignored here
    try:
        running = started(script, cwd=tmp_path, stdout=subprocess.DEVNULL)
    finally:
        signal.signal(signal.SIGINT, before)
    with running:
        said = running.stderr.read(1)  # of the bar
        running.send_signal(signal.SIGINT)
        said = (said + running.stderr.read()).decode()
    assert running.returncode == 130
    assert said.endswith("stopped\n")
    assert "Traceback" not in said


def test_a_reader_that_leaves_ends_a_run(tmp_path):
    with started("digits.py", "--epochs", "2", cwd=tmp_path, stdout=subprocess.PIPE) as running:
        running.stdout.close()
        said = running.stderr.read().decode()
    assert running.returncode == 141
    assert "Traceback" not in said and "BrokenPipe" not in said


def test_a_run_begins_with_the_numbers_of_images(digits_run):
    assert digits_run[0].stdout.startswith("1,437 images to train on, 360 to test on, 64 pixels each\n")


# --- arguments


@pytest.fixture
def parse(example, tmp_path):
    made = example("options").parser("What it does.", "digits", epochs=1, rate=0.1)
    return lambda *arguments: made.parse_args(["--out", str(tmp_path / "a.png"), *arguments])


BAD = [
    ("--epochs 0", "--epochs: must be a whole number, 1 or more, but is '0'"),
    ("--epochs 1.5", "--epochs: must be a whole number, 1 or more, but is '1.5'"),
    ("--batch 0", "--batch: must be a whole number, 1 or more, but is '0'"),
    ("--hidden -3", "--hidden: must be a whole number, 1 or more, but is '-3'"),
    ("--seed -1", "--seed: must be a whole number, 0 or more, but is '-1'"),
    ("--rate -1", "--rate: must be a number above 0, but is '-1'"),
    ("--rate nan", "--rate: must be a number above 0, but is 'nan'"),
    ("--rate inf", "--rate: must be a number above 0, but is 'inf'"),
    ("--rate fast", "--rate: must be a number above 0, but is 'fast'"),
    ("--layers 3", "--layers: invalid choice: "),
    ("--out a.gif", "--out: must end in .png, .pdf or .svg, but is 'a.gif'"),
    ("--unheard", "unrecognized arguments: --unheard"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[arguments for arguments, _ in BAD])
def test_a_bad_argument_is_refused(parse, capsys, arguments, message):
    with pytest.raises(SystemExit) as caught:
        parse(*arguments.split())
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["file/a.png", "folder.png"])
def test_a_picture_that_cannot_be_saved_is_refused(parse, capsys, tmp_path, name):
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(SystemExit) as caught:
        parse("--out", str(tmp_path / name))
    assert caught.value.code == 2
    assert "--out: cannot write" in capsys.readouterr().err


def test_checking_a_picture_leaves_its_file_as_it_was(parse, tmp_path):
    (tmp_path / "old.png").write_bytes(b"old")
    parse("--out", str(tmp_path / "old.png"))
    parse("--out", str(tmp_path / "new" / "new.png"))
    assert (tmp_path / "old.png").read_bytes() == b"old"
    assert list((tmp_path / "new").iterdir()) == []


def test_the_script_refuses_before_it_trains(tmp_path):
    done = run("digits.py", "--epochs", 0, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "digits.py: error: argument --epochs: must be a whole number" in done.stderr


# --- MNIST's files


def idx(array):
    """Return the content of an IDX file of unsigned bytes."""
    array = np.asarray(array, np.uint8)
    return bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


IMAGES = np.arange(24).reshape(2, 3, 4)
LABELS = np.array([7, 0])


@pytest.fixture
def folder(tmp_path):
    """Return a folder with the four files, of two images each."""
    for name, array in zip(NAMES, (IMAGES, LABELS, IMAGES, LABELS), strict=True):
        (tmp_path / name).write_bytes(idx(array))
    return tmp_path


def test_the_files_are_read(example, folder):
    training, test, shape = example("mnist").load(folder)
    assert shape == (3, 4)
    for images, labels in (training, test):
        assert images.dtype == np.float32
        np.testing.assert_allclose(images, IMAGES.reshape(2, 12) / 255, rtol=1e-6)  # float32
        assert labels.tolist() == [7, 0]


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("mark", ["-", "."])
def test_the_files_are_found_however_they_are_spelled(example, folder, mark, end):
    for name in NAMES:
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        new = folder / (name.replace("-idx", f"{mark}idx") + end)
        new.write_bytes(gzip.compress(content) if end else content)
    assert example("mnist").load(folder)[0][1].tolist() == [7, 0]


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(example, folder, name):
    (folder / name).unlink()
    with pytest.raises(
        ValueError, match=f"{re.escape(str(folder))} has no {name}; needed are the four files"
    ):
        example("mnist").load(folder)


def test_a_missing_folder_is_named(example, folder):
    with pytest.raises(ValueError, match=r"nowhere is no folder, so there is no train-images"):
        example("mnist").load(folder / "nowhere")


GOOD = idx(IMAGES)
FLOATS = bytes((0, 0, 13, 3)) + GOOD[4:]
BROKEN = [
    ("another format", b"\x89PNG" + GOOD[4:], "starts with the bytes 89 50 4e 47; expected 00 00 08 03"),
    ("another element type", FLOATS, "starts with the bytes 00 00 0d 03; expected 00 00 08 03"),
    ("labels for images", idx(LABELS), "starts with the bytes 00 00 08 01; expected 00 00 08 03"),
    ("an empty file", b"", r"starts with the bytes \(none\); expected 00 00 08 03"),
    ("half a header", GOOD[:10], "is truncated: 10 bytes; expected 16 for the header alone"),
    ("a byte too few", GOOD[:-1], r"is truncated: 39 bytes; expected 40 for the sizes \(2, 3, 4\)"),
    (
        "a byte too many",
        GOOD + b"\0",
        r"goes on after its end: 41 bytes; expected 40 for the sizes \(2, 3, 4\)",
    ),
    ("no images", idx(IMAGES[:0]), "has 0 images, but .*train-labels-idx1-ubyte has 2 labels"),
    ("half a gzip file", gzip.compress(GOOD)[:-12], "is gzipped, but damaged or truncated"),
    ("a damaged gzip file", gzip.compress(GOOD)[:-8] + bytes(8), "is gzipped, but damaged or truncated"),
    ("no gzip file at all", b"\x1f\x8b" + bytes(20), "is gzipped, but damaged or truncated"),
]


@pytest.mark.parametrize(("content", "message"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_a_broken_file_is_named_with_what_is_wrong(example, folder, content, message):
    (folder / NAMES[0]).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{NAMES[0]} {message}"):
        example("mnist").load(folder)


def test_sizes_beyond_memory_are_only_a_truncated_file(example, folder):
    (folder / NAMES[0]).write_bytes(GOOD[:4] + b"\xff" * 12 + GOOD[16:])
    with pytest.raises(ValueError, match="is truncated: 40 bytes; expected 79228162458924105385300197391"):
        example("mnist").load(folder)


def test_images_and_labels_must_be_as_many(example, folder):
    (folder / NAMES[3]).write_bytes(idx([1, 2, 3]))
    with pytest.raises(ValueError, match=rf"{NAMES[2]} has 2 images, but .*{NAMES[3]} has 3 labels"):
        example("mnist").load(folder)


def test_labels_must_be_digits(example, folder):
    (folder / NAMES[1]).write_bytes(idx([9, 10]))
    with pytest.raises(ValueError, match=rf"{NAMES[1]} has the label 10 at 1; expected are 0 to 9"):
        example("mnist").load(folder)


def test_files_without_images_are_refused(example, folder):
    (folder / NAMES[0]).write_bytes(idx(IMAGES[:0]))
    (folder / NAMES[1]).write_bytes(idx([]))
    with pytest.raises(ValueError, match=rf"{NAMES[0]} has no pixels: its sizes are \(0, 3, 4\)"):
        example("mnist").load(folder)


def test_images_to_train_and_to_test_on_have_one_shape(example, folder):
    (folder / NAMES[2]).write_bytes(idx(np.zeros((2, 4, 4))))
    with pytest.raises(
        ValueError, match=rf"{NAMES[2]} has images of shape \(4, 4\), but .* of shape \(3, 4\)"
    ):
        example("mnist").load(folder)


def test_the_network_learns_from_the_files(tmp_path):
    images, digits = load_digits(return_X_y=True)
    large = np.kron(images.reshape(-1, 8, 8), np.ones((3, 3))) * 15.9  # 24 by 24, from 0 to 255
    large = np.pad(large, ((0, 0), (2, 2), (2, 2)))
    test, training = np.split(np.random.default_rng(0).permutation(len(digits)), [360])
    arrays = (large[training], digits[training], large[test], digits[test])
    for name, array in zip(NAMES, arrays, strict=True):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
    done = run("mnist.py", "--data", ".", "--layers", 2, "--epochs", 15, "--out", "a.png", cwd=tmp_path)
    assert "784-100-10 network" in done.stdout
    assert accuracy(done) >= 0.95
    assert_is_a_picture(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "mnist.py: error: --data DIR is missing: the folder with the four files of MNIST"),
        (("--data", "."), "mnist.py: error: . has no train-images-idx3-ubyte, train-labels-idx1-ubyte"),
    ],
)
def test_without_data_the_script_says_what_it_needs(tmp_path, arguments, message):
    done = run("mnist.py", *arguments, "--out", "a.png", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
