"""How much memory a call takes."""

import tracemalloc


def peak_memory(run):
    """Return how many bytes that Python and NumPy allocate are held at once, at most, in a call."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
