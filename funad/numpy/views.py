"""Which functions may return views: what is assigned into those is assigned into their argument."""

import operator as _operator

import numpy as _np

from ..registry import primitive_of as _primitive_of

__all__ = []


def may_share(*fs):
    """Note that what these functions return may share the memory of their first argument."""
    for f in fs:
        prim = _primitive_of(f)
        if prim is not None and prim.kind != "composite":
            prim.views = True


may_share(
    _operator.getitem, _np.array_split, _np.asanyarray, _np.asarray, _np.asarray_chkfinite,
    _np.ascontiguousarray, _np.asfortranarray, _np.atleast_1d, _np.atleast_2d, _np.atleast_3d,
    _np.broadcast_arrays, _np.broadcast_to, _np.diag, _np.diagonal, _np.dsplit, _np.expand_dims, _np.flip,
    _np.fliplr, _np.flipud, _np.hsplit, _np.imag, _np.matrix_transpose, _np.moveaxis, _np.ravel, _np.real,
    _np.real_if_close, _np.require, _np.reshape, _np.rollaxis, _np.rot90, _np.split, _np.squeeze,
    _np.swapaxes, _np.transpose, _np.trim_zeros, _np.vsplit,
)  # fmt: skip
