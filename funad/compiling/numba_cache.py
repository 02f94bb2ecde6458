"""Kernels that are kept on disk: each has a file of its own, beside which numba puts its machine code."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

__all__ = ["directory", "file_of"]


def directory() -> Path | None:
    """Return where kernels are kept: ``FUNAD_CACHE_DIR``, which may be empty, or the user's cache."""
    named = os.environ.get("FUNAD_CACHE_DIR")
    if named is not None:
        return Path(named) if named else None
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "funad"
    except RuntimeError:  # there is no home
        return None


def file_of(source: str, *key: str) -> str | None:
    """Return the file of a function with this source, made of what ``key`` says; None if there is none."""
    where = directory()
    if where is None:
        return None
    name = hashlib.sha256("\n".join((source, *key, _fingerprint())).encode()).hexdigest()[:32]
    path = where / f"kernel_{name}.py"
    try:
        if not path.exists():  # numba looks at the time at which it was written
            where.mkdir(parents=True, exist_ok=True)
            number, written = tempfile.mkstemp(dir=where)
            with os.fdopen(number, "w") as file:
                file.write(source)
            os.replace(written, path)
    except OSError:
        return None
    return str(path)


def _fingerprint() -> str:
    """Return what tells versions of the compiler of kernels apart."""
    here = Path(__file__).parent
    try:
        return "".join((here / f"numba_{name}.py").read_text() for name in ("functions", "machine"))
    except OSError:  # there are no sources, as in an archive
        return ""
