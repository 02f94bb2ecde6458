"""Measure the peak memory of the gradient of the 784-100-10 network at batch 4096.

    python -m tests.benchmarks.memory [--batch N]

Each library runs in a process of its own, and so does its baseline, which imports the library and
makes the data and no more: the difference of the two peaks of resident memory is what the gradient
took. For funad, tracemalloc says beside it what NumPy asked for.
"""

import argparse
import resource
import subprocess
import sys
import tracemalloc
from typing import Any

import numpy as onp

from .peers import Library, Torch

LIBRARIES = ("funad", "torch")
MB = 1e6


def data(batch: int, dtype: Any, sizes: tuple[int, int, int] = (784, 100, 10)) -> tuple[Any, Any, Any]:
    """Return parameters, images and targets, made without any array that does not stay.

    Memory that was given back before the gradient runs would hide as much of what that takes.
    """
    rng, (pixels, hidden, classes) = onp.random.default_rng(0), sizes
    parameters = {
        "w1": rng.standard_normal((pixels, hidden), dtype),
        "b1": onp.zeros(hidden, dtype),
        "w2": rng.standard_normal((hidden, classes), dtype),
        "b2": onp.zeros(classes, dtype),
    }
    for name in ("w1", "w2"):
        parameters[name] *= 0.05
    targets = onp.zeros((batch, classes), dtype)
    targets[onp.arange(batch), onp.arange(batch) % classes] = 1
    return parameters, rng.random((batch, pixels), dtype), targets


def measured(library: str, batch: int, dtype: str, runs: int) -> tuple[float, float]:
    """Return the peak of resident memory of this process, and NumPy's own peak, in MB, after some runs."""
    of = Library("funad", "funad.numpy") if library == "funad" else Torch()
    # One small gradient first: what the first call loads is no part of the memory of the second.
    of.network(*data(2, dtype))()
    kept = data(batch, dtype)
    run = of.network(*kept)
    tracemalloc.start()
    traced = 0.0
    for _ in range(runs):
        tracemalloc.reset_peak()
        held = tracemalloc.get_traced_memory()[0]
        run()
        traced = (tracemalloc.get_traced_memory()[1] - held) / MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MB, traced


def in_its_own_process(*arguments: object) -> tuple[float, float]:
    command = [sys.executable, "-m", "tests.benchmarks.memory", "--measure", *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    resident, traced = run.stdout.split()
    return float(resident), float(traced)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the peak memory of a gradient.")
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--measure", nargs=4, metavar=("LIBRARY", "BATCH", "DTYPE", "RUNS"))
    chosen = parser.parse_args()
    if chosen.measure:
        library, batch, dtype, runs = chosen.measure
        print(*measured(library, int(batch), dtype, int(runs)))
        return
    print("| precision | library | resident, MB | asked for by NumPy, MB |")
    print("| --- | --- | --- | --- |")
    for dtype in ("float32", "float64"):
        for library in LIBRARIES:
            without, _ = in_its_own_process(library, chosen.batch, dtype, 0)
            resident, traced = in_its_own_process(library, chosen.batch, dtype, 3)
            own = f"{traced:.1f}" if library == "funad" else ""
            print(f"| {dtype} | {library} | {resident - without:.1f} | {own} |", flush=True)


if __name__ == "__main__":
    main()
