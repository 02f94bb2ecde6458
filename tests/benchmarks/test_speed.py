"""funad alone, row by row as in the report, for pytest-benchmark to keep and to compare."""

import pytest

from .peers import Library
from .report import rows

ROWS = [pytest.param(row.runs["funad"], id=row.name) for row in rows([Library("funad", "funad.numpy")])]


@pytest.mark.parametrize("run", ROWS)
def test_speed(benchmark, run):
    benchmark(run)
