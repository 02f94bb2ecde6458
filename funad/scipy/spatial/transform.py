"""``scipy.spatial.transform`` on traced values: rotations are SciPy's own Python code, hosted.

SciPy computes rotations in compiled code for plain arrays, and by array functions for others. Here plain
values are those of the compiled code, and derivatives those of the array functions.
"""

import functools as _functools
import types as _types
import warnings as _warnings

import numpy as _onp
from scipy.spatial import transform as _transform

from ... import numpy as _np
from ...errors import NotDifferentiableError as _NotDifferentiableError
from ...transforms.closures import attached as _attached
from ...transforms.closures import plain_of as _plain_of
from ..compiled import is_traced as _is_traced
from ..compiled import on_plain as _on_plain
from ..hosting import host as _host
from ..hosting import substitute as _substitute
from ..namespace import public_names as _public_names

__all__ = [name for name in _public_names(_transform) if name != "rotation"]


def __getattr__(name):
    if name in __all__:
        globals()[name] = found = getattr(_host("scipy.spatial.transform"), name)
        return found
    return getattr(_transform, name)


def __dir__():
    return sorted({*globals(), *__all__})


@_substitute("scipy.spatial.transform")
def _with_places(module):
    """Say of the classes that they are found here: pickle asks for them."""
    for name in __all__:
        kind = getattr(module, name, None)
        if kind is not getattr(_transform, name) and isinstance(kind, type):
            kind.__module__, kind.__qualname__ = "funad.scipy.spatial.transform", kind.__name__


_OTHER = (
    "scipy.spatial.transform: {} has no derivative here, where its compiled code and its array functions "
    "give different results; see whether the rotation is a special one, as one by 180 degrees"
)
_LOCKED = (
    "scipy.spatial.transform.Rotation.{} has no derivative at a gimbal lock, where the angles are not "
    "defined; use as_matrix, as_quat or as_rotvec"
)


def _joined(name, value, found):
    """Return a plain result with the derivatives of a traced one; quaternions may have the other sign."""
    if isinstance(value, tuple):
        return tuple(_joined(name, a, b) for a, b in zip(value, found, strict=True))
    if value is None or not _is_traced(found):
        return value
    plain = _onp.asarray(_plain_of(found))
    value = _onp.asarray(value)
    if value.ndim and value.shape[-1] == 4 and "matrix" not in name:
        turned = _onp.sum(plain * value, axis=-1, keepdims=True) < 0
        found, plain = _np.where(turned, -found, found), _onp.where(turned, -plain, plain)
    if not _onp.allclose(value, plain, rtol=1e-6, atol=1e-7, equal_nan=True):
        raise _NotDifferentiableError(_OTHER.format(name))
    return _attached(value, found)


def _compiled_or_traced(name, compiled, written):
    """Return a compiled function of rotations, with the derivatives of the array functions."""

    @_functools.wraps(compiled)
    def wrapped(*args, **kwargs):
        with _warnings.catch_warnings(record=True) as caught:
            _warnings.simplefilter("always")
            value = _on_plain(compiled, *args, **kwargs)
        traced = _is_traced(*args, *kwargs.values())
        for warning in caught:
            if traced and "Gimbal lock" in str(warning.message):
                raise _NotDifferentiableError(_LOCKED.format(name))
            _warnings.warn(warning.message, warning.category, stacklevel=4)
        return _joined(name, value, written(*args, **kwargs)) if traced else value

    return wrapped


def _locking(name, f):
    """Return f, asked to warn of a gimbal lock: with traced values that is an error."""

    def wrapped(*args, suppress_warnings=False, **kwargs):
        quiet = suppress_warnings and not _is_traced(*args)
        return f(*args, suppress_warnings=quiet, **kwargs)

    return wrapped if name in ("as_euler", "as_davenport") else f


def _backend(compiled, written):
    """Return what stands in the place of the compiled module."""
    found = _types.ModuleType(compiled.__name__)
    found.__getattr__ = lambda name: getattr(compiled, name)
    for name, f in vars(written).items():
        if isinstance(f, _types.FunctionType) and not name.startswith("_") and hasattr(compiled, name):
            both = _compiled_or_traced(name, getattr(compiled, name), f)
            setattr(found, name, _locking(name, both))
    return found


@_substitute("scipy.spatial.transform._rotation_xp")
def _with_projections(module):
    """Have a matrix that is no rotation be led to the nearest one, however near it is; powers be smooth."""
    orthogonal, power = module._from_matrix_orthogonal, module.pow
    checked = module.from_matrix

    def from_matrix(matrix, assume_valid=False):
        if not _is_traced(matrix):
            return checked(matrix, assume_valid)
        if not assume_valid:
            _on_plain(_transform.Rotation.from_matrix, matrix)  # raises what SciPy raises
            matrix = _nearest(matrix)
        return orthogonal(matrix)

    def pow(quat, n):
        if not _is_traced(n):
            return power(quat, n)
        return module.from_rotvec(_np.reshape(n, ()) * module.as_rotvec(quat))

    module.from_matrix, module.pow = from_matrix, pow


def _nearest(matrix):
    """The orthogonal factor of matrices, by Newton's steps X ← (X + X⁻ᵀ)/2 (Higham 2008, section 8.3).

    Those are as exact in the derivatives as in the value, after one step more for each order.
    """
    for _ in range(12):
        matrix = (matrix + _np.swapaxes(_np.linalg.inv(matrix), -1, -2)) / 2
    return matrix


def _reducing(compiled, compose):
    """Return how rotations are reduced by groups: the elements that are chosen of those are constant."""

    def reduce(quat, left=None, right=None):
        value = _on_plain(compiled, quat, left=left, right=right)
        if not _is_traced(quat, left, right) or (left is None and right is None):
            return value
        found, (reduced, of_left, of_right) = _np.reshape(quat, (-1, 4)), value
        if right is not None:
            found = compose(found, _np.reshape(right, (-1, 4))[of_right])
        if left is not None:
            found = compose(_np.reshape(left, (-1, 4))[of_left], found)
        return _joined("reduce", reduced, _np.reshape(found, reduced.shape)), of_left, of_right

    return reduce


@_substitute("scipy.spatial.transform._rotation")
def _with_rotations(module):
    if not hasattr(module, "cython_backend"):  # before 1.17, rotations are compiled, and refused
        return
    compiled = module.cython_backend
    module.cython_backend = _backend(compiled, module.xp_backend)
    module.cython_backend.reduce = _reducing(compiled.reduce, module.cython_backend.compose_quat)
    module.backend_registry = {_np: module.cython_backend}


@_substitute("scipy.spatial.transform._rigid_transform")
def _with_rigid_transforms(module):
    if not hasattr(module, "cython_backend"):  # before 1.17, rotations are compiled, and refused
        return
    module.cython_backend = _backend(module.cython_backend, module.xp_backend)
    module.backend_registry = {_np: module.cython_backend}
