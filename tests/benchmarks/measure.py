"""Timing: every contestant in turn, round after round, and the best time of each.

A busy machine only ever makes a run slower, so the minimum is the run that was least disturbed;
taking turns lets a slow second hit all of them alike.
"""

from collections.abc import Callable
from time import perf_counter

Run = Callable[[], object]


def repetitions(run: Run, at_least: float = 1e-2) -> int:
    """Return how often to call ``run`` in one go, so that neither the clock nor the change of turns shows."""
    count = 1
    while True:
        elapsed = once(run, count)
        if elapsed >= at_least:
            return count
        count = max(count + 1, min(10 * count, int(1.2 * count * at_least / max(elapsed, 1e-9))))


def once(run: Run, count: int) -> float:
    """Return the seconds that ``count`` calls take."""
    turns = [None] * count
    start = perf_counter()
    for _ in turns:
        run()
    return perf_counter() - start


def best_times(runs: dict[str, Run], rounds: int, budget: float = 5.0) -> dict[str, float]:
    """Return the least seconds per call of each run; the slow ones stop after ``budget`` seconds."""
    counts = {}
    for name, run in runs.items():
        run()
        counts[name] = repetitions(run)
    best = dict.fromkeys(runs, float("inf"))
    spent = dict.fromkeys(runs, 0.0)
    for _ in range(rounds):
        for name, run in runs.items():
            if spent[name] < budget:
                elapsed = once(run, counts[name])
                spent[name] += elapsed
                best[name] = min(best[name], elapsed / counts[name])
    return best
