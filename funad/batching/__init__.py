"""What functions are on stacks, one file per field; importing them fills ``trace.BATCH_RULES``."""

from . import indexing, linalg, manipulation, products, reductions
