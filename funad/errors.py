"""Every exception that funad raises: each is a FunadError and the built-in a caller would expect."""

import numpy.linalg as _linalg


class FunadError(Exception):
    """Whatever funad itself refuses; catch this to catch them all."""


class MissingRuleError(FunadError, NotImplementedError):
    """A traced value reached a function, or an argument of one, that has no derivative rule."""


class NotDifferentiableError(FunadError, TypeError):
    """A traced value was given to something that would lose its derivative."""


class UnsupportedKeywordError(FunadError, TypeError):
    """A keyword that the function's derivative rule does not handle."""


class NonScalarOutputError(FunadError, TypeError):
    """``grad`` of a function whose output is not one real number."""


class ArgumentError(FunadError, ValueError):
    """An argument of a transformation, such as ``argnums``, that does not fit the call."""


class ArgumentTypeError(FunadError, TypeError):
    """Something in the differentiated position that is not made of floats."""


class CotangentError(FunadError, ValueError):
    """A cotangent that does not have the structure or the shape of what it belongs to."""


class TangentError(FunadError, ValueError):
    """A tangent that does not have the structure or the shape of its primal."""


class DuplicateRuleError(FunadError, ValueError):
    """A second rule, or a second wrapper, for something that already has one."""


class EndedTraceError(FunadError, RuntimeError):
    """A traced value used after the transformation that made it had returned."""


class OverwrittenError(FunadError, ValueError):
    """A plain array was written into after a traced value had been computed with it."""


class SingularJacobianError(FunadError, _linalg.LinAlgError):
    """The derivative of the solution of an equation whose Jacobian is singular there."""


class SparsityError(FunadError, ValueError):
    """A pattern without an entry that a sparse derivative has."""


class NonFiniteError(FunadError, FloatingPointError):
    """An infinity or a NaN where ``debug_nans`` was asked to look for one."""


class PictureError(FunadError, RuntimeError):
    """A picture that cannot be drawn: what draws it is not installed, or it is too large."""
