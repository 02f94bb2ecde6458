"""How fast funad is, beside its peers and beside plain NumPy.

``pytest tests/benchmarks`` times funad alone, to compare one commit with the next;
``python -m tests.benchmarks.report`` times it against the peers and prints the ratios.
"""

import os

# One core for everyone; read when NumPy and the peers are first imported, so set before that.
for _name in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_name}_NUM_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
