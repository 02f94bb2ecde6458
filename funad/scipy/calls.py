"""How functions of SciPy are called on traced values: arrays by position, options by name."""

import inspect

from .. import tree
from ..boxes import Traced, innermost
from ..calling import call
from ..errors import NotDifferentiableError
from ..primitives import composite, implements, place, primitive
from ..registry import by_position, enter_anew, primitive_of, signature_of
from ..trace import TRACING
from ..values import is_unknown

__all__ = ["composite_of", "meets_traced", "of_arrays", "of_list", "refused"]


def of_arrays(f, name, arrays=1):
    """Return the primitive of a function of SciPy's whose first arguments are so many arrays.

    On traced values its rules are given the arrays by position and the other arguments by name. What says
    that an argument may be overwritten is left out: the tape still needs it.
    """
    prim = enter_anew(f, name)
    signature = signature_of(f)
    first = [(p.name, p.default) for p in by_position(signature)[:arrays]]

    @implements(f)
    def wrapped(*args, **kwargs):
        if innermost((*args, *kwargs.values())) is None:
            return f(*args, **kwargs)
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError:
            return f(*args, **kwargs)  # raises in SciPy's own words
        values = tuple(given.pop(name, default) for name, default in first)
        options = {name: x for name, x in given.items() if not name.startswith("overwrite_")}
        refuse_options(name, options)
        together = wrapped.together
        if together is not None and sum(isinstance(x, Traced) for x in values) > 1:
            return together(list(values), **options)
        return call(prim, values, options)

    wrapped.together = None
    if not f.__module__.startswith("funad."):
        place(wrapped, name)
    return wrapped


def meets_traced(args, kwargs):
    """Say whether a call may meet traced values: its own, or those that a function closes over."""
    if innermost((*args, *kwargs.values()) if kwargs else args) is not None:
        return True
    return TRACING.active and any(map(callable, (*args, *kwargs.values())))


def refuse_options(name, options):
    """Refuse traced values as options, of which a function of SciPy's has no derivative."""
    for option, x in options.items():
        if is_unknown(x) or (type(x) in (list, tuple) and any(map(is_unknown, x))):
            raise NotDifferentiableError(
                f"{name} has no derivative in {option}, which was given a traced value; give it "
                f"stop_gradient({option}), from funad, where that derivative is not wanted"
            )


def of_list(wrapped, arrays):
    """Return the primitive of the list of the arrays of a primitive: its rule is one for all of them."""
    prim = primitive_of(wrapped)
    options = list(signature_of(prim.f).parameters.values())[arrays:]

    def together(xs, **options):
        return prim.f(*xs, **options)

    first = inspect.Parameter("xs", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    together.__signature__ = inspect.Signature([first, *(p.replace(kind=p.KEYWORD_ONLY) for p in options)])
    return primitive(together, prim.name, containers=(0,))


def composite_of(f, name):
    """Make the decorated function, written with traced functions, what SciPy's ``f`` is on traced values."""
    return composite(f, name=name)


def refused(f, name, why):
    """Return what refuses traced values with a reason, and is SciPy's ``f`` on plain ones."""
    if f is None:  # SciPy does not have it yet
        return None

    def refuse(*args, **kwargs):
        raise NotDifferentiableError(f"{name} has no derivative: {why}")

    def on_plain(*args, **kwargs):  # the entries of a sparse matrix may be traced all the same
        held = innermost(tree.flatten((args, kwargs))[0])
        return f(*args, **kwargs) if held is None else refuse()

    g = composite(f, plain=on_plain, name=name)(refuse)
    g.why_refused = why  # so that nobody is advised to write it
    return g
