"""What of NumPy is supported, found by asking the registry and by running the cases of the tests.

``python -m tests.support`` writes it into ``funad/docs/support.md``, and ``tests/test_support.py``
fails when that page is out of date. A derivative is in the table if it agrees with differences here
and now; a refusal is in it with what the refusal itself says.
"""

import functools
import inspect
import re
import types
import warnings
from collections import Counter
from pathlib import Path

import numpy
from hypothesis import HealthCheck, Phase, given, settings

from funad import numpy as np
from funad import vjp
from funad.boxes import Traced
from funad.errors import FunadError, MissingRuleError
from funad.registry import primitive_of
from funad.testing import Call, check_jvp, check_vjp
from funad.traces.reverse import Tape
from funad.tracing import run
from funad.tree import flatten

from .cases import CASES
from .drawing import COMPOSITES, argument_of, called_with

PAGE = Path(__file__).parent.parent / "funad" / "docs" / "support.md"
COMMAND = "python -m tests.support"
VERSION = ".".join(numpy.__version__.split(".")[:2])

X = numpy.array([0.5, 1.5, 1.0])
A = numpy.array([[2.0, 0.5], [0.25, 1.0]])
ORDERS = ("reverse", "forward", "second order")
ALL = frozenset(ORDERS)

# --- why a function is NumPy's own

_PASSED = {
    "reads or writes files, buffers or text": """
        from_dlpack frombuffer fromfile fromregex fromstring genfromtxt load loadtxt save savetxt savez
        savez_compressed base_repr binary_repr format_float_positional format_float_scientific""",
    "makes an array, to be filled or as it is": """
        arange empty eye fromfunction fromiter identity ones tri zeros""",
    "makes indices": """
        diag_indices indices ix_ mask_indices ravel_multi_index tril_indices triu_indices unravel_index""",
    "takes bits, days or text": """
        busday_count busday_offset datetime_as_string datetime_data is_busday packbits unpackbits""",
    "speaks of types and shapes": """
        broadcast_shapes isdtype issubdtype iterable mintypecode promote_types typename""",
    "is about NumPy itself": """
        get_include get_printoptions getbufsize geterr geterrcall info printoptions set_printoptions
        setbufsize seterr seterrcall show_config show_runtime test""",
    "makes functions or iterators": "frompyfunc nested_iters",
    "makes an array of another kind": "asarray_chkfinite asmatrix bmat require",
    "draws with sizes or whole numbers alone": """
        bytes integers random rand randint randn random_integers random_sample ranf sample
        standard_cauchy standard_exponential standard_normal bit_generator spawn""",
    "holds the state of the generator": """
        default_rng get_bit_generator get_state seed set_bit_generator set_state""",
}
PASSED = {name: why for why, names in _PASSED.items() for name in names.split()}

# Functions that return nothing: tests/test_assignment.py holds their derivatives.
WRITES = frozenset({"copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"})

# --- calls


def drawn(case, wanted):
    """Calls drawn from a case, more of them until all that is wanted is there; the same every time."""
    for count in (8, 50):
        found = []

        @settings(
            max_examples=count, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(call=case.draw)
        def draw(call):
            found.append(call)

        draw()
        if wanted(found):
            break
    return found


def is_inexact(x):
    leaves = flatten(x)[0]
    kinds = [numpy.asarray(leaf).dtype.kind for leaf in leaves if not isinstance(leaf, str)]
    return (
        bool(leaves)
        and len(kinds) == len(leaves)
        and set(kinds) <= set("fc")
        and any(map(numpy.size, leaves))
    )


def _holds(check, *args, **kwargs):
    """Whether a derivative is right; that it is not there is an answer, an error of another kind is none."""
    with warnings.catch_warnings(), numpy.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            check(*args, **kwargs)
        except (AssertionError, FunadError):
            return False
    return True


def _orders(f, call, place, order=2):
    """Which derivatives in one argument agree with differences."""
    if order > 1 and _holds(check_vjp, f, call, place):
        right = {"reverse", "second order"}
    else:
        right = {"reverse"} if _holds(check_vjp, f, call, place, order=1) else set()
    return right | ({"forward"} if _holds(check_jvp, f, call, place) else set())


# --- names


def _parameters(f):
    try:
        return inspect.signature(f).parameters
    except (TypeError, ValueError):
        return {}


def _name(f, place):
    """What NumPy calls an argument."""
    if isinstance(place, str):
        return place
    for n, parameter in enumerate(_parameters(f).values()):
        if parameter.kind is parameter.VAR_POSITIONAL:
            return f"*{parameter.name}"
        if n == place:
            return parameter.name
    return f"{place}"


def _names(f, places):
    return list(dict.fromkeys(_name(f, place) for place in sorted(places, key=str)))


def _code(names):
    return ", ".join(f"`{name}`" for name in names)


# --- keywords: handled, or refused by name


def _trials(f, call, y):
    """Values to try the keywords of a function with, for those that the cases do not draw."""
    y = numpy.asarray(flatten(y)[0][0])
    return {
        "out": numpy.empty_like(y),
        "where": numpy.ones(y.shape, bool),
        "dtype": y.dtype,
        "casting": "same_kind",
        "order": "K",
        "subok": True,
        "keepdims": False,
    }


_UNSAID = (None, inspect.Parameter.empty, numpy._NoValue)


def _keywords(f, call, place, known):
    """The keywords of a function that are handled, and those that are refused, beside the known ones."""
    plain, handled, refused = primitive_of(f).f, [], []
    with warnings.catch_warnings(), numpy.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        trials = _trials(f, call, f(*call.args, **call.kwargs))
        for parameter in _parameters(plain).values():
            name = parameter.name
            if parameter.kind is parameter.POSITIONAL_ONLY or name in known:
                continue
            value = trials.get(name, parameter.default)
            if name in ("signature", "like") or any(value is x for x in _UNSAID):
                continue
            more = Call(call.args, {**call.kwargs, name: value})
            try:
                plain(*more.args, **more.kwargs)
            except Exception:  # not with this call
                continue
            try:
                vjp(lambda x, more=more: called_with(f, more, place, x), argument_of(call, place))
                handled.append(name)
            except FunadError:
                refused.append(name)
            except Exception:
                continue
    return handled, refused


# --- one function


NO_FLOATS = "takes no array of floats"


def _refusal(f):
    """What a function says when it refuses a traced value; None if it takes one."""
    calls = [
        lambda x: f(x),
        lambda x: f(x, 1),
        lambda x: f(x, x),
        lambda x: f(x, x, x),
        lambda x: f(x, 1, 1),
        lambda x: f(x, 0, 1.0, 1),
        lambda x: f("i,i", x, X),
        lambda x: f(lambda part: part, x),
        lambda x: f(lambda part: part, 0, x),
        lambda x: f(lambda part, axis: part, x, [0]),
    ]
    for call in calls:
        for x in (X, A, 2.0):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    vjp(call, x)
                    return None
                except MissingRuleError as error:
                    text = str(error)
                    return "no derivative rule" if "has no derivative rule" in text else _reason(text)
                except FunadError as error:
                    return _reason(str(error))
                except Exception:  # not a call of this function
                    continue
    return NO_FLOATS


def _reason(message):
    """A message without what it says of the call at hand."""
    message = re.sub(r"(traced value), (ndarray of shape \([^)]*\)|[^,]+),", r"\1", message)
    message = re.sub(r"^[\w.]+(, called with [^,]+,)? ", "", message)
    return "; ".join(message.split("; ")[:2])


@functools.cache
def of_function(f, plain, name):
    """The row of one function: (kind, arguments, keywords, orders, remark)."""
    prim = primitive_of(f)
    if f is plain or prim is None or prim.kind == "passed":
        return ("passed", (), (), (), (), f"NumPy's own: {PASSED.get(name, 'unexplained')}")
    if prim.kind == "zero":
        return ("zero", (), (), (), (), "constant between its jumps, whole numbers or truths")
    if name in WRITES:
        return ("writes", (), (), (), (), "as `x[index] = v` does; into a plain array it is refused")
    case = CASES.get(f) or COMPOSITES.get(f)
    if case is None:
        said = _refusal(f)
        if said in (None, NO_FLOATS) and name in PASSED:  # NumPy's own in all that it does with plain values
            return ("passed", (), (), (), (), f"NumPy's own: {PASSED[name]}")
        return ("refused", (), (), (), (), f"refused: {said}")
    return differentiable(f, prim, case)


def differentiable(f, prim, case):
    """The row of a function with rules, or made of functions that have them, from its cases."""
    places = list(prim.rules)

    def seen(calls):
        # What is drawn depends on the modules that are loaded: of a composite, whose cases alone say
        # what it takes, so many calls that none of its arguments is missing by chance; what is drawn
        # seldom, its calls by hand have.
        enough = bool(places) or len(calls) > 8
        return enough and all(any(is_inexact(argument_of(call, place)) for call in calls) for place in places)

    calls = [*drawn(case, seen), *(() if places else case.examples)]
    if not places:  # a composite: its arguments are those that the cases differentiate
        found = [
            place
            for c in calls
            for place in [*range(len(c.args)), *c.kwargs]
            if is_inexact(argument_of(c, place))
        ]
        places = list(dict.fromkeys(found))
    right, probed = {}, None
    for place in places:
        with_it = [c for c in calls if is_inexact(argument_of(c, place))][:3]
        for call in with_it:
            orders = _orders(f, call, place, case.order)
            right[place] = right.get(place, ALL) & orders
            probed = probed or (call, place)
    plain = prim.f
    arguments = _names(plain, [place for place in places if right.get(place)])
    given = {_name(plain, n).removeprefix("*") for c in calls for n in range(len(c.args))}
    known = {*_names(plain, places), *_rule_names(prim), *case.keywords, *given}
    handled, refused = _keywords(f, *probed, known) if probed else ([], [])
    names = list(_parameters(plain))
    differentiated = {n.removeprefix("*") for n in arguments}
    keywords = [n for n in names if n not in differentiated and (n in known or n in handled)]
    orders = ALL.intersection(*(right.get(place, ALL) for place in places)) if probed else ALL
    missing = [n for n in _names(plain, places) if n not in arguments]
    remark = f"refused: {_code(refused)}" if refused else ""
    remark += f"; not checked: {_code(missing)}" if missing else ""
    return ("differentiable", tuple(arguments), tuple(keywords), tuple(o for o in ORDERS if o in orders),
            tuple(refused), remark.removeprefix("; "))  # fmt: skip


def _rule_names(prim):
    """The names that every rule takes, as NumPy writes them."""
    return {"y" if name == "y_" else name.rstrip("_") for name in prim.keywords}


# --- modules


# Types of the longest floats have other names on other machines.
LONG = {"float96", "float128", "complex192", "complex256"}


def _attribute(module, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(module, name)


def public(module):
    names = {*dir(module), *getattr(module, "__all__", ())} - LONG
    return sorted(name for name in names if not name.startswith("_"))


MODULES = {
    "numpy": (numpy, np),
    "numpy.linalg": (numpy.linalg, np.linalg),
    "numpy.fft": (numpy.fft, np.fft),
}


def grouped(theirs, ours):
    """The functions of a module: (names, ours, NumPy's), names of one function together."""
    groups = {}
    for name in public(theirs):
        plain, value = _attribute(theirs, name), _attribute(ours, name)
        if callable(plain) and not isinstance(plain, type) and not isinstance(plain, types.ModuleType):
            groups.setdefault(id(value), ([], value, plain))[0].append(name)
    return list(groups.values())


def functions(theirs, ours):
    """The functions of a module: (names, row), names of one function together."""
    return [(names, of_function(value, plain, names[0])) for names, value, plain in grouped(theirs, ours)]


def others(theirs, ours):
    """What is no function: classes, constants, modules, index objects; each with what stands here."""
    kinds = {}
    for name in public(theirs):
        plain, value = _attribute(theirs, name), _attribute(ours, name)
        if callable(plain) and not isinstance(plain, type):
            continue
        if value is not plain:
            kind = "written anew for traced values"
        elif isinstance(plain, types.ModuleType):
            kind = "modules, NumPy's own"
        elif isinstance(plain, type):
            kind = "classes, NumPy's own"
        else:
            kind = "constants and index objects, NumPy's own"
        kinds.setdefault(kind, []).append(name)
    return dict(sorted(kinds.items()))


# --- random draws

# Parameters to draw with, in order.
DRAWS = {
    "beta": (2.0, 3.0), "binomial": (3, 0.5), "chisquare": (3.0,), "choice": (X,), "dirichlet": (X,),
    "exponential": (2.0,), "f": (3.0, 4.0), "gamma": (2.0, 1.5), "geometric": (0.5,), "gumbel": (0.5, 2.0),
    "hypergeometric": (3, 4, 5), "laplace": (0.5, 2.0), "logistic": (0.5, 2.0), "lognormal": (0.5, 2.0),
    "logseries": (0.5,), "multinomial": (3, X / 3), "multivariate_hypergeometric": ([3, 4], 2),
    "multivariate_normal": (X[:2], A @ A.T), "negative_binomial": (3.0, 0.5),
    "noncentral_chisquare": (3.0, 1.0), "noncentral_f": (3.0, 4.0, 1.0), "normal": (0.5, 2.0),
    "pareto": (3.0,), "permutation": (X,), "permuted": (X,), "poisson": (2.0,), "power": (2.0,),
    "rayleigh": (2.0,), "shuffle": (X,), "standard_gamma": (2.0,), "standard_t": (3.0,),
    "triangular": (0.0, 0.5, 1.0), "uniform": (0.5, 2.0), "vonmises": (0.5, 2.0), "wald": (1.0, 2.0),
    "weibull": (2.0,), "zipf": (3.0,),
}  # fmt: skip


def of_draw(name, generator):
    """The row of one draw: the parameters that it differentiates in, or what it says when it refuses."""
    if name not in DRAWS:
        return ("passed", (), f"NumPy's own: {PASSED.get(name, 'unexplained')}")
    values = DRAWS[name]

    def draw(*args):
        if generator:
            return getattr(np.random.default_rng(0), name)(*args)
        np.random.seed(0)
        return getattr(np.random, name)(*args)

    plain = getattr(numpy.random.Generator if generator else numpy.random, name)
    parameters = [p for p in _parameters(plain) if p != "self"]
    good, refusal = [], ""
    for n, value in enumerate(values):
        if not is_inexact(value):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                vjp(lambda x, n=n: draw(*values[:n], x, *values[n + 1 :]), value)
            if _orders(draw, Call(values), n) == ALL:
                good.append(parameters[n])
        except FunadError as error:
            refusal = _reason(str(error))
    if not any(map(is_inexact, values)):
        return ("passed", (), "NumPy's own: draws with sizes or whole numbers alone")
    kind = "differentiable" if good else "refused"
    return (kind, tuple(good), "by reparameterisation" if good else f"refused: {refusal}")


# --- arrays and ufuncs


def of_method(name):
    """What a traced value has under the name of a method or an attribute of arrays."""
    value = inspect.getattr_static(Traced, name, None)
    if value is None:
        return ("missing", "")
    said = (inspect.getdoc(value) or "").strip()
    if said.startswith("Refused: "):
        return ("refused", said.removeprefix("Refused: ").rstrip("."))
    f = value.fget if isinstance(value, property) else value
    prim = primitive_of(f)
    if prim is not None:
        return ("function", f"as `{prim.name}`")
    return ("function", "an attribute" if isinstance(value, property) else "a method")


METHODS = ("reduce", "accumulate", "reduceat", "outer", "at")


def of_ufunc_method(f, name):
    """yes, if a method of a ufunc has derivatives that agree with differences; refused; or not there."""
    method = getattr(f, name, None)
    if method is None:
        return "missing"
    # Away from ties; of two, for NumPy 2.4 reduces more by arctan2 and power otherwise than by folding.
    x = X
    calls = {"reduce": (x[:2],), "reduceat": (x, [0, 2]), "outer": (x, 1.07 * x + 1.1), "at": (x, [0], 1.3)}
    at = Call(calls.get(name, (x,)))

    def run(x, *rest):
        if name != "at":
            return method(x, *rest)
        y = x * 1.0
        method(y, *rest)
        return y

    try:
        y = vjp(lambda x: run(x, *at.args[1:]), at.args[0])[0]
    except FunadError:
        return "refused"
    except (TypeError, ValueError, RuntimeError):
        return "none"  # NumPy has none for this function either
    if numpy.asarray(flatten(y)[0][0]).dtype.kind not in "fc" or primitive_of(f).kind == "zero":
        return "constant"
    return "yes" if _orders(run, at, 0) == ALL else "wrong"


def ufuncs():
    """Every ufunc of NumPy with a derivative, and what its methods do: (name, answers)."""
    rows = []
    for names, row in functions(numpy, np):
        plain = getattr(numpy, names[0])
        if (
            isinstance(plain, numpy.ufunc)
            and row[0] == "differentiable"
            and plain.nin == 2
            and plain.nout == 1
        ):
            f = _attribute(np, names[0])
            rows.append((names, [of_ufunc_method(f, method) for method in METHODS]))
    return rows


# --- the page


def _rows(rows):
    """The table of functions that have a derivative, and the lists of the others."""
    out = ["| function | differentiable in | further arguments | reverse | forward | second order | |\n",
           "| --- | --- | --- | --- | --- | --- | --- |\n"]  # fmt: skip
    for names, (kind, arguments, keywords, orders, _, remark) in rows:
        if kind == "differentiable":
            marks = ["yes" if order in orders else "no" for order in ORDERS]
            cells = [" = ".join(f"`{n}`" for n in names), _code(arguments), _code(keywords), *marks, remark]
            out.append(f"| {' | '.join(cells)} |\n".replace("|  |", "| |").replace("|  |", "| |"))
    for title, kind in (
        ("Writes traced values into traced arrays", "writes"),
        ("The derivative is zero", "zero"),
        ("Refused on a traced value", "refused"),
        ("Passed through", "passed"),
    ):
        reasons = {}
        for names, row in rows:
            if row[0] == kind:
                reasons.setdefault(row[-1], []).append(" = ".join(f"`{n}`" for n in names))
        if reasons:
            out.append(f"\n{title}:\n\n")
            out += [f"- {', '.join(found)}: {why}\n" for why, found in sorted(reasons.items())]
    return "".join(out)


def _list(rows):
    return "".join(f"- {text}\n" for text in rows)


def page():
    """The page as it has to be."""
    tables = {title: functions(*modules) for title, modules in MODULES.items()}
    counts = Counter(row[0] for rows in tables.values() for _, row in rows)
    parts = [
        f"""# What of NumPy is supported

Every public function of NumPy {VERSION}: {counts["differentiable"]} are differentiable,
{counts["writes"]} write into an array, {counts["zero"]} have the derivative zero,
{counts["passed"]} are passed through, and {counts["refused"]} refuse a traced value by name.
A further argument is honoured on traced values; one under "refused" raises an error that says so. Of
ufuncs that is `out=` a plain array, and `where=` without `out=`: [their page](ufuncs.md) has the rest.
Three times yes means that the derivatives in reverse mode, in forward mode and of second order agree
with differences of the function itself, in every argument named.

This page is written by `{COMMAND}`, which runs all that it says, and is checked by
`tests/test_support.py`.
"""
    ]
    for title, rows in tables.items():
        parts.append(f"\n## {title}\n\n{_rows(rows)}")
        found = others(*MODULES[title])
        parts.append(
            "\nNo functions:\n\n" + _list(f"{kind}: {_code(names)}" for kind, names in found.items())
        )
    parts.append(_random())
    parts.append(_arrays())
    parts.append(_ufuncs())
    return "".join(parts)


def _random():
    text = "\n## numpy.random\n\nOn the module's functions, and on the generator of `default_rng()`.\n"
    for title, names, generator in (
        ("numpy.random", public(numpy.random), False),
        ("Generator", public(numpy.random.Generator), True),
    ):
        owner = numpy.random.Generator if generator else numpy.random
        names = [
            n for n in names if callable(_attribute(owner, n)) and not isinstance(_attribute(owner, n), type)
        ]
        rows = {name: of_draw(name, generator) for name in names if name != "test"}
        text += f"\n### {title}\n\n| draw | differentiable in | |\n| --- | --- | --- |\n"
        reasons = {}
        for name, (kind, parameters, remark) in rows.items():
            if kind == "differentiable":
                text += f"| `{name}` | {_code(parameters)} | {remark} |\n"
            else:
                reasons.setdefault(remark, []).append(name)
        text += "\n" + _list(f"{_code(found)}: {why}" for why, found in sorted(reasons.items()))
    return text


def _arrays():
    text = "\n## Methods and attributes of arrays\n\n"
    rows = [(name, *of_method(name)) for name in public(numpy.ndarray)]
    for name, kind, said in rows:
        text += f"- `{name}`: {'refused: ' + said if kind == 'refused' else said or kind}\n"
    return text


def _ufuncs():
    text = "\n## Methods of ufuncs\n\nOf those of two arguments with a derivative.\n\n"
    text += f"| ufunc | {' | '.join(METHODS)} |\n|{' --- |' * (len(METHODS) + 1)}\n"
    for names, answers in ufuncs():
        text += f"| {' = '.join(f'`{n}`' for n in names)} | {' | '.join(answers)} |\n"
    return text


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")


def trace(f, xs):
    """Run f on boxes of xs; return what it returned and the tape."""
    tape = Tape(len(xs))
    return run(f, xs, tape), tape
