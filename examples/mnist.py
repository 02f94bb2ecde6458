"""Read MNIST, 70,000 handwritten digits: softmax and the classic 784-100-10 network, by funad."""

import argparse
import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from digits import run
from options import parser, start

FILES = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
]
NEEDED = f"the four files of MNIST, {', '.join(FILES)}, each plain or gzipped (.gz)"


def load(folder):
    """Return images and labels, to train on and to test on, and the shape of an image."""
    paths = [find(folder, name) for name in FILES]
    missing = [name for name, path in zip(FILES, paths, strict=True) if path is None]
    if missing:
        what = "has no" if folder.is_dir() else "is no folder, so there is no"
        raise ValueError(f"{folder} {what} {', '.join(missing)}; needed are {NEEDED}")
    training, test = read_pair(*paths[:2]), read_pair(*paths[2:])
    shape, other = training[0].shape[1:], test[0].shape[1:]
    if shape != other:
        raise ValueError(f"{paths[2]} has images of shape {other}, but {paths[0]} of shape {shape}")
    return *((pixels(images), labels) for images, labels in (training, test)), shape


def find(folder, name):
    """Return the path of a file of this name, however it is spelled and packed, or None."""
    dotted = name.replace("-idx", ".idx")
    paths = [folder / spelling for spelling in (name, dotted, f"{name}.gz", f"{dotted}.gz")]
    return next((path for path in paths if path.is_file()), None)


def pixels(images):
    """Return bytes of shape (n, height, width) as float32 of shape (n, height * width), from 0 to 1."""
    return images.reshape(len(images), -1).astype(np.float32) / 255


def read_pair(image_path, label_path):
    """Return images of shape (n, height, width) and labels of shape (n,) that belong together."""
    images, labels = read_idx(image_path, 3), read_idx(label_path, 1)
    if len(images) != len(labels):
        raise ValueError(f"{image_path} has {len(images)} images, but {label_path} has {len(labels)} labels")
    if images.size == 0:
        raise ValueError(f"{image_path} has no pixels: its sizes are {images.shape}")
    if labels.max() > 9:
        first = int(np.argmax(labels > 9))
        raise ValueError(f"{label_path} has the label {labels[first]} at {first}; expected are 0 to 9")
    return images, labels


def read_idx(path, rank):
    """Return the bytes of an IDX file, an array with as many dimensions as rank.

    Such a file is 0, 0, 8 (for bytes), rank; a big-endian 32-bit size per dimension; the bytes.
    """
    content = unpacked(path)
    magic, start = bytes((0, 0, 8, rank)), 4 + 4 * rank
    if content[:4] != magic:
        raise ValueError(
            f"{path} starts with the bytes {content[:4].hex(' ') or '(none)'}; expected {magic.hex(' ')}, "
            f"an IDX file of unsigned bytes (08) in {rank} dimension{'s'[: rank - 1]}"
        )
    if len(content) < start:
        raise ValueError(f"{path} is truncated: {len(content)} bytes; expected {start} for the header alone")
    sizes = tuple(np.frombuffer(content[4:start], ">u4").tolist())
    found, expected = len(content), start + math.prod(sizes)
    if found != expected:
        what = "is truncated" if found < expected else "goes on after its end"
        raise ValueError(f"{path} {what}: {found} bytes; expected {expected} for the sizes {sizes}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(sizes)


def unpacked(path):
    """Return the content of a file, decompressed if it is gzipped, whatever its name."""
    content = path.read_bytes()
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path} is gzipped, but damaged or truncated: {error}") from None


def main(arguments=None):
    """Train on the files of MNIST; return the accuracy reached."""
    made = parser(__doc__, "mnist", epochs=10, rate=0.1)
    about = f"the folder with {NEEDED}"
    made.add_argument("--data", type=Path, default=argparse.SUPPRESS, metavar="DIR", help=about)
    options = made.parse_args(arguments)
    if "data" not in options:
        made.error(f"--data DIR is missing: {about}")
    try:
        training, test, shape = load(options.data)
    except (ValueError, OSError) as error:
        made.error(str(error))
    return run(options, training, test, shape, wanted={1: 0.91, 2: 0.97})


if __name__ == "__main__":
    start(main)
