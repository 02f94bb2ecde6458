"""Time ``import funad`` against ``import numpy`` in fresh interpreters; print the ratio.

    python -m tests.benchmarks.import_time [--rounds N]

What takes the time: ``python -X importtime -c "import funad"``.
"""

import argparse
import os
import subprocess
import sys

# The interpreter's own start is no part of it, so each measures itself.
PROGRAM = "from time import perf_counter as t; s = t(); import {}; print(t() - s)"


def seconds(module: str) -> float:
    """Return how long one import takes in an interpreter of its own."""
    command = [sys.executable, "-c", PROGRAM.format(module)]
    # An installed package is compiled once; where compiling is switched off, every import would do it.
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=compiled)
    return float(run.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time import funad against import numpy.")
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    best = {"numpy": float("inf"), "funad": float("inf")}
    for _ in range(rounds):
        for module in best:
            best[module] = min(best[module], seconds(module))
    print(", ".join(f"import {module}: {1e3 * time:.1f} ms" for module, time in best.items()))
    print(f"ratio: {best['funad'] / best['numpy']:.3f}")


if __name__ == "__main__":
    main()
