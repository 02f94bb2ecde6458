"""What functions are on stacks, one file per field; importing them fills ``traces.batch.BATCH_RULES``."""

from . import indexing, linalg, manipulation, products, reductions
