"""What functions are on stacks, one file per field; importing them fills ``trace.BATCH_RULES``."""

from . import curves, indexing, linalg, manipulation, products, reductions
