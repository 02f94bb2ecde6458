"""Time funad against its peers and against plain NumPy; print the ratios.

    taskset -c 0 python -m tests.benchmarks.report [--rounds N] [--only WORD] [--without PEER]

Everything runs in one process on one core, forward plus backward, in float64: see ``measure``.
A ratio is funad's time by the other's, so less than 1 says that funad is faster.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as onp

import funad.numpy as np

from . import programs
from .measure import best_times
from .peers import installed, numbers
from .scipy_rows import scipy_rows
from .transformations import INSIDE, tasks, written

BY_HAND = "NumPy"
PLAIN = "sin of {:,} plain numbers"
VECTOR = onp.linspace(0.1, 1.0, 10)


@dataclass
class Row:
    """One row: who runs, how many operations that is, and the ratios aimed at."""

    name: str
    runs: dict[str, Callable[[], Any]]
    operations: int = 1
    aims: dict[str, float] = field(default_factory=dict)


def rows(libraries: list[Any]) -> Iterator[Row]:
    """Make the rows of the table one after the other, as each holds its data."""

    def gradients(program: Any, x: Any, *rest: Any, without: tuple[str, ...] = ()) -> dict[str, Any]:
        return {
            library.name: library.gradient(program, x, *rest)
            for library in libraries
            if library.name not in without
        }

    floats, vectors = {"autograd": 1 / 12, "torch": 1 / 4}, {"autograd": 1 / 4, "torch": 1 / 2}
    for kind, x, aims in (("floats", 0.5, floats), ("vectors of 10", VECTOR, vectors)):
        for program in (programs.arithmetic, programs.mixed):
            run = program if kind == "floats" else programs.summed(program)
            yield Row(f"chain on {kind}, {program.__name__}", gradients(run, x), 1000, aims)
    # A loop of this length is unrolled operation by operation under jax: minutes of compiling.
    slow = ("jax", "jax jit")
    for kind, x in (("floats", 0.5), ("vectors of 10", VECTOR)):
        run = programs.arithmetic if kind == "floats" else programs.summed(programs.arithmetic)
        yield Row(f"100,000 operations on {kind}", gradients(run, x, 100_000, without=slow), 100_000)
    for length in (1_000, 20_000):
        a = onp.linspace(0.0, 1.0, length)
        without = slow if length > 1_000 else ()
        runs = gradients(programs.dot_by_index, a, length, without=without)
        yield Row(f"indexing in a loop of {length:,}", runs, 4 * length)
    for batch, aim in ((128, 1.15), (1, 2.0)):
        data = programs.network_data(batch)
        runs = {library.name: library.network(*data) for library in libraries}
        runs[BY_HAND] = lambda data=data: programs.network_by_hand(*data)
        yield Row(f"784-100-10 network, batch {batch}", runs, 1, {BY_HAND: aim})
    yield Row("grad of x * x", gradients(programs.square, 0.5))
    for task in tasks():
        found = {library.name: library.transformed(task) for library in libraries}
        yield Row(task.name, {name: run for name, run in found.items() if run is not None}, 1, task.aims)
    for name, make, size in INSIDE:
        by_library, x = make(), onp.linspace(0.1, 0.9, size)
        runs = {
            library.name: library.gradient(by_library[library.name.split()[0]], x)
            for library in libraries
            if library.name.split()[0] in by_library
        }
        yield Row(name, runs)
    for row in scipy_rows():
        runs = {
            library.name: library.gradient(row.programs[library.name.split()[0]], row.x)
            for library in libraries
            if library.name.split()[0] in row.programs
        }
        yield Row(row.name, {**runs, BY_HAND: row.by_hand})
    for name, run in written().items():
        yield Row(name, {"funad": run})
    for size in (10, 1000):
        a = onp.linspace(0.0, 1.0, size)
        sines = {"funad": np.sin, BY_HAND: onp.sin}
        runs = {name: partial(programs.caller(sin), a) for name, sin in sines.items()}
        yield Row(PLAIN.format(size), runs, 100)


def check(row: Row) -> None:
    """Insist that all contestants compute the same: a wrong answer is fast."""
    wanted = numbers(row.runs["funad"]())
    for name, run in row.runs.items():
        for got, want in zip(numbers(run()), wanted, strict=True):
            onp.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-12, err_msg=name)


def line(row: Row, times: dict[str, float], columns: list[str]) -> str:
    """Return one line of the table: funad's time per operation, then the ratios."""
    cells = [row.name, spoken(times["funad"] / row.operations)]
    for name in columns:
        aim = f" (aim {row.aims[name]:.3g})" if name in row.aims else ""
        cells.append(f"{times['funad'] / times[name]:.3g}{aim}" if name in times else "")
    return f"| {' | '.join(cells)} |"


def spoken(seconds: float) -> str:
    """Return a time with a unit that suits it."""
    for unit, size in (("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def main() -> None:
    parser = argparse.ArgumentParser(description="Time funad against its peers; print the ratios.")
    parser.add_argument("--rounds", type=int, default=30, help="turns that each contestant gets")
    parser.add_argument("--budget", type=float, default=5.0, help="seconds after which one stops")
    parser.add_argument("--only", default="", help="run the rows whose name holds this word")
    parser.add_argument("--without", nargs="*", default=[], help="leave out these peers")
    chosen = parser.parse_args()
    libraries = [library for library in installed() if library.name not in chosen.without]
    columns = [library.name for library in libraries if library.name != "funad"] + [BY_HAND]
    print(f"| forward and backward | funad, per operation | {' | '.join(f'by {c}' for c in columns)} |")
    print("|" + " --- |" * (len(columns) + 2))
    per_operation: dict[str, dict[str, float]] = {}
    for row in rows(libraries):
        if chosen.only in row.name:
            check(row)
            times = best_times(row.runs, chosen.rounds, chosen.budget)
            per_operation[row.name] = {name: time / row.operations for name, time in times.items()}
            print(line(row, times, columns), flush=True)
    plain = per_operation.get(PLAIN.format(10))
    if plain:
        more = 1e9 * (plain["funad"] - 1.1 * plain[BY_HAND])
        print(f"\nsin of 10 plain numbers takes 1.1 times as long as NumPy's and {more:.0f} ns (aim 100)")
    print("\nTime per operation at 100,000 operations by that at 1,000, the collector on:")
    for kind in ("floats", "vectors of 10"):
        short = per_operation.get(f"chain on {kind}, arithmetic")
        long = per_operation.get(f"100,000 operations on {kind}")
        if short and long:
            print(f"{kind}: " + ", ".join(f"{name} {long[name] / short[name]:.2f}" for name in long))


if __name__ == "__main__":
    main()
