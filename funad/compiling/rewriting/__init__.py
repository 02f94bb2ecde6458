"""Rewrites: what a call may be instead, by field. Each returns an equal, cheaper call, or None.

They may change rounding, and nothing else: a value that is infinite or none where eager's is not, or the
reverse, is no equal (DESIGN.md, strong zeros). Not allowed: anything that makes 1 - y of e·y, which loses the tail
of the logistic function; x - x = 0 and 0·x = 0.
"""

from . import elementwise, indexing, manipulation, products, reductions

__all__ = ["RULES"]

RULES = {
    **elementwise.RULES,
    **indexing.RULES,
    **manipulation.RULES,
    **products.RULES,
    **reductions.RULES,
}
