"""compile: a function, or a derivative, as a program of NumPy calls that is recorded once and then run."""

from __future__ import annotations

import functools
import gc
import threading
import traceback
from collections.abc import Callable
from typing import Any, Generic, overload

import numpy as onp

from .. import batching as batching  # fills the tables of functions of shapes and of indices
from .. import tree
from ..boxes import Traced
from ..compiling.arguments import Unfit, kind_of_leaf
from ..errors import ArgumentError
from ..floating import ERRORS, OF_RULES, restore
from ..spaces import describe, name_of
from .calls import MadeFrom, P, R, check_function, owned
from .kernels import Making, check_numba
from .recordings import MISSED, CompiledProgram, Paths, Recording, static_leaves, where_paths_part

__all__ = ["compile"]

ndarray = onp.ndarray
BACKENDS = ("numpy", "numba")
_set, _reset = ERRORS.set, ERRORS.reset
RAISES = False  # whether an exception of the compiler itself is raised, as the tests want it


@overload
def compile(
    f: Callable[P, R], static: Any = (), limit: int = 8, check: bool = True, backend: str = "numpy"
) -> Compiled[P, R]: ...
@overload
def compile(
    f: None = None, static: Any = (), limit: int = 8, check: bool = True, backend: str = "numpy"
) -> Callable[[Callable[P, R]], Compiled[P, R]]: ...
def compile(
    f: Any = None, static: Any = (), limit: int = 8, check: bool = True, backend: str = "numpy"
) -> Any:
    """Turn ``f`` into a function that records its NumPy calls once and then runs them as one program.

    ``compile(grad(loss))`` is a gradient at the speed of one written by hand: forward and backward pass are
    one list of calls, simplified, and run as plain source. Any function of NumPy will do, with derivatives
    inside or without.

    Parameters
    ----------
    f : callable
        Takes and returns floats, arrays and containers of them. It must be pure: what it does beside
        returning a value happens while it is recorded, and not again. Left out, what comes back is a
        decorator.
    static : int, str or tuple of them, default ()
        Arguments, by position or name, that a program may depend on by value: it is recorded for each. Of
        other arguments, those that are neither floats nor arrays (ints, strings, None, bools, functions) are.
    limit : int, default 8
        How many programs there may be for one kind of arguments. There is one for each way that f has gone
        where it asks for values, as ``if x > 0`` does. Beyond them, f runs as it is.
    check : bool, default True
        Whether the second call of each program is compared with ``f`` run as it is, which finds what f does
        differently every time.
    backend : {"numpy", "numba"}, default "numpy"
        What runs the programs. With "numba", a thread makes machine code of a program after its second call,
        and its calls of NumPy are run meanwhile; what has no machine code, as factorisations, stays with
        NumPy. It needs numba and SciPy: ``pip install 'funad[numba]'``.

    Returns
    -------
    callable
        Takes the arguments of ``f`` and returns what ``f`` returns. It has ``source``, the text of the
        program that ran last; ``programs``, all of them; and ``explain()``, which says what runs as a
        program, what does not, and why; and ``wait()``, which returns when kernels of machine code are made.

    Raises
    ------
    ArgumentError
        If ``f`` is no function, or an option is none that there is.

    See Also
    --------
    grad : what one compiles.

    Notes
    -----
    A program is right or it is not run. Arguments of other shapes, dtypes or structure, and other values of
    what f closes over that is no float or array, have programs of their own; where f asks for a value, the
    program asks too, and takes the answer it was recorded with or is left. Where a program meets an invalid
    operation such as 0/0, that call is run by f as it is, with all its conventions. A function that draws
    random numbers, writes into its arguments, changes globals, or takes Python numbers out of arrays is run
    as it is, and ``explain()`` names the reason.

    Programs regroup sums and products: results agree with those of f to rounding. Called on traced values,
    as in ``grad(compile(f))``, it is f: write ``compile(grad(f))``.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import compile, grad
    >>> fast = compile(grad(lambda x: np.sum(x**2)))
    >>> fast(np.array([1.0, 2.0]))
    array([2., 4.])
    >>> print(fast.source.splitlines()[-2].strip())
    t = x * c  # multiply: float64[2]
    """
    if f is None:
        return functools.partial(compile, static=static, limit=limit, check=check, backend=backend)
    check_function("compile", f)
    if backend not in BACKENDS:
        raise ArgumentError(f"backend is one of {', '.join(map(repr, BACKENDS))}, not {backend!r:.40}")
    if backend == "numba":
        check_numba()
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:  # type: ignore[redundant-expr]
        raise ArgumentError(
            f"limit is how many programs there may be, an int of 1 or more, not {limit!r:.40}"
        )
    names = (static,) if isinstance(static, (int, str)) else static
    if not isinstance(names, (tuple, list)) or not all(
        isinstance(name, (int, str)) and not isinstance(name, bool) for name in names
    ):
        raise ArgumentError(f"static is a name or a position, or a tuple of them, not {static!r:.60}")
    return Compiled(f, tuple(names), limit, check, backend)


class _Kind:
    """What is known of one kind of arguments: its programs, and why it runs in eager, if it does."""

    def __init__(self, said: str, static: frozenset[int]) -> None:
        self.said, self.static = said, static
        self.programs: list[CompiledProgram] = []
        self.paths: Paths | None = None  # of all programs that may run
        self.failures = 0
        self.calls = 0  # in eager
        self.handed_over = 0
        self.why = ""
        self.given_up = False  # whether no more programs are recorded
        self.eager = False  # whether there is no program to try

    def untried(self, missed: Any) -> list[CompiledProgram]:
        """Return the programs that are no path of the one that missed."""
        tried = missed.programs if type(missed) is Paths and missed is self.paths else ()
        return [program for program in self.programs if program not in tried]

    def __str__(self) -> str:
        lines = [f"{self.said}:"]
        lines += [f"  {p!r} served {p.calls} calls" for p in self.programs]
        lines += [f"    no kernel: {p.why_no_kernel}" for p in self.programs if p.why_no_kernel]
        lines += [f"    {said}" for p in self.programs for said in p.guards]
        if self.handed_over:
            met = "an invalid operation, or very large numbers,"
            lines.append(f"  {self.handed_over} calls met {met} and ran in eager")
        if self.calls:
            lines.append(f"  {self.calls} calls ran in eager")
        if self.why:
            how = "eager" if self.eager else "no further program" if self.programs else "not compiled yet"
            lines.append(f"  {how}: {self.why}")
        return "\n".join(lines)


class Compiled(MadeFrom, Generic[P, R]):
    """A function that runs as recorded programs; see :func:`funad.compile`.

    Attributes
    ----------
    source : str
        The text of the program that ran last.
    programs : list
        All programs, each with its ``source``, its ``guards`` and how many ``calls`` it has served.
    """

    __wrapped__: Any

    def __init__(self, f: Any, static: Any, limit: int, check: bool, backend: str) -> None:
        functools.update_wrapper(self, f)
        self._static, self._limit, self._check, self._backend = static, limit, check, backend
        self._kinds: dict[Any, _Kind] = {}
        self._last: CompiledProgram | Paths | None = None
        self._run: Callable[..., Any] | None = None
        self._lock = threading.Lock()
        self._unfit = ""
        self._making: list[Making] = []

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        run, raised = self._run, False
        if run is not None:
            token = None if self._last.of_numbers else _set(OF_RULES)  # type: ignore[union-attr]
            try:
                y = run(*args, **kwargs) if kwargs else run(*args)
            except Exception:  # eager raises it, too, or handles it
                y, raised = MISSED, True
            finally:
                if token is not None:
                    _reset(token)
            if y is not MISSED:
                self._last.calls += 1  # type: ignore[union-attr]
                return y  # type: ignore[no-any-return]
        missed = None if run is None or raised else self._last
        return self._slowly(args, kwargs, missed)  # type: ignore[no-any-return]

    def _slowly(self, args: Any, kwargs: Any, missed: CompiledProgram | Paths | None) -> Any:
        """Find a program for the arguments beside one that missed, or make one, or run f in eager."""
        f = self.__wrapped__
        kind = self._kind(args, kwargs)
        if kind is None:
            return f(*args, **kwargs)
        if not kind.eager:
            for program in kind.untried(missed):
                y = self._try(kind, program, args, kwargs)
                if y is not MISSED:
                    return y
            if len(kind.programs) >= self._limit:
                line = where_paths_part(kind.programs)
                kind.why = f"there are {self._limit} programs, as many as limit allows"
                kind.why += f"; f goes another way at {line}" if line else ""
            elif not kind.given_up and self._lock.acquire(blocking=False):
                collects = gc.isenabled()
                gc.disable()  # a recording is all new objects, none of which can go: a fifth of its time
                try:
                    return self._record(kind, args, kwargs)
                finally:
                    if collects:
                        gc.enable()
                    self._lock.release()
        kind.calls += 1
        return f(*args, **kwargs)

    def _kind(self, args: Any, kwargs: Any) -> _Kind | None:
        """Return what is known of such arguments; None if no program can depend on them."""
        leaves, structure = tree.flatten((args, kwargs))
        if any(isinstance(x, Traced) for x in leaves):
            return None
        try:
            static = static_leaves(self.__wrapped__, self._static, args, kwargs)
            key = structure, tuple([kind_of_leaf(x, n in static) for n, x in enumerate(leaves)])
        except Unfit as unfit:
            self._unfit = str(unfit)
            return None
        kind = self._kinds.get(key)
        if kind is None:
            said = ", ".join(map(describe, (*args, *kwargs.values())))
            made = _Kind(f"{name_of(self.__wrapped__)}({said})", static)
            kind = self._kinds.setdefault(key, made)
        return kind

    def _try(self, kind: _Kind, program: CompiledProgram, args: Any, kwargs: Any) -> Any:
        """Run a program that may be the right one; the first time, compare it with eager."""
        f = self.__wrapped__
        if self._making:
            self._take_kernels()
        token = ERRORS.set(OF_RULES)
        try:
            y = program.run(*args, **kwargs)
        except Exception:
            y = None
            kind.handed_over += 1
        finally:
            restore(token)
        if y is MISSED:
            return y
        if y is None and not _returns_none(program):
            kind.calls += 1
            return f(*args, **kwargs)
        program.calls += 1
        if self._check and not program.checked:
            return self._compare(kind, program, y, _owned(f(*args, **kwargs), (args, kwargs)))
        self._serve(kind, program)
        return y

    def _run_next(self, kind: _Kind, program: CompiledProgram) -> None:
        """Have the next call begin with this program, or with all of its kind as one."""
        checked = [p for p in kind.programs if (p.checked or not self._check) and not p.kernels]
        if self._backend != "numpy" or program not in checked or len(checked) < 2:
            self._last, self._run = program, program.run
            return
        if kind.paths is None or kind.paths.programs != checked:
            kind.paths = Paths(checked)
        if kind.paths.run is None:
            self._last, self._run = program, program.run
        else:
            self._last, self._run = kind.paths, kind.paths.run

    def _compare(self, kind: _Kind, program: CompiledProgram, found: Any, y: Any) -> Any:
        """Compare a program's result with that of eager, which is returned."""
        kinds = [type(leaf) for leaf in tree.flatten(y)[0]]
        if kinds != [type(leaf) for leaf in tree.flatten(found)[0]]:  # numbers and arrays without axes
            found = _retyped(found, y)
            program.write(kinds)
        difference = differences(found, y)
        if difference:
            kind.eager, kind.programs = True, []
            kind.why = (
                f"a second run of {name_of(self.__wrapped__)} gave another result than its program, "
                f"{difference}: it may depend on something that changes from call to call, such as random "
                f"numbers, a global array, the time or an iterator; give that as an argument"
            )
            if RAISES:
                raise AssertionError(kind.why)
        else:
            program.checked = True
            self._serve(kind, program)
        return y

    def _serve(self, kind: _Kind, program: CompiledProgram) -> None:
        """Have the next calls try this program first."""
        self._run_next(kind, program)
        self._make_kernels(program)
        if any(making.done for making in self._making):
            self._run = None  # the next call takes the kernels

    def _make_kernels(self, program: CompiledProgram) -> None:
        """Have machine code made of a program that has shown to be right."""
        if program.plan is not None:
            self._making.append(Making(program, self._made_kernels))

    def _made_kernels(self, making: Making) -> None:
        """Be told by the thread that it is done: the next call finds it."""
        self._run = None

    def _take_kernels(self) -> None:
        """Have programs run their kernels that have been made since."""
        for making in [m for m in self._making if m.done]:
            self._making.remove(making)
            if making.failure is not None and RAISES:
                raise making.failure
            making.program.why_no_kernel = making.why
            if making.made is not None:
                making.program.take(making.made, making.functions)

    def wait(self) -> Compiled[P, R]:
        """Wait until the kernels are made of all programs that there are; return this function.

        With ``backend="numba"``, programs run as NumPy calls while a thread makes machine code of them. Tests
        and benchmarks wait for it.
        """
        for program in self.programs:
            self._make_kernels(program)
        for making in self._making:
            making.thread.join()
        self._take_kernels()
        return self

    def _record(self, kind: _Kind, args: Any, kwargs: Any) -> Any:
        """Record a program and return the result of this very run."""
        recording = Recording(self.__wrapped__, args, kwargs, kind.static)
        if recording.why:
            kind.failures += 1
            kind.why = recording.why
            kind.given_up = kind.failures > (self._limit if recording.trace.passing else 1)
            kind.eager = kind.given_up and not kind.programs
            kind.calls += 1
            if recording.rerun:
                return self.__wrapped__(*args, **kwargs)
            return recording.result()
        try:
            program = recording.compiled()
        except Exception:
            if RAISES:
                raise
            kind.why, kind.eager = "the compiler failed:\n" + traceback.format_exc(), True
            return recording.result()
        if self._backend == "numba":
            program.plan = recording.plan()
        kind.programs.insert(0, program)
        kind.why = ""
        self._last = program
        return recording.result()

    @property
    def source(self) -> str:
        """The text of the program that ran last."""
        return self._last.source if self._last is not None else ""

    @property
    def programs(self) -> list[CompiledProgram]:
        """All programs."""
        return [program for kind in self._kinds.values() for program in kind.programs]

    def explain(self) -> str:
        """Say what runs as a program and what in eager, and why."""
        lines = [str(kind) for kind in self._kinds.values()]
        if self._unfit:
            lines.append(f"eager: {self._unfit}")
        return "\n".join(lines) or f"{name_of(self.__wrapped__)} has not been called yet"

    def arguments(self) -> tuple[Any, ...]:
        return self.__wrapped__, self._static, self._limit, self._check, self._backend

    def __repr__(self) -> str:
        return f"<compile of {self.__wrapped__!r}>"


def _returns_none(program: CompiledProgram) -> bool:
    return all(output is None for output in program.program.outputs)


def _owned(y: Any, given: Any) -> Any:
    """Return a result whose arrays are the caller's own, as those of a program are."""
    leaves, structure = tree.flatten(y)
    known = {id(x) for x in tree.flatten(given)[0]}
    copies = [x.copy() if type(x) is ndarray and id(x) in known else x for x in leaves]
    return tree.unflatten(structure, owned(copies))


def _retyped(found: Any, y: Any) -> Any:
    """Return a result with numbers of the classes that they have in eager."""
    leaves, structure = tree.flatten(found)
    wanted = tree.flatten(y)[0]
    if len(leaves) != len(wanted):
        return found
    return tree.unflatten(structure, [_as(a, type(b)) for a, b in zip(leaves, wanted, strict=True)])


def _as(x: Any, kind: Any) -> Any:
    if type(x) is kind or onp.shape(x) or not issubclass(type(x), (ndarray, onp.generic, float, complex)):
        return x
    return onp.array(x) if kind is ndarray else kind(x)


def differences(found: Any, y: Any) -> str:
    """Return where two results differ by more than rounding; "" if they do not."""
    xs, structure = tree.flatten(found)
    ys, wanted = tree.flatten(y)
    if structure != wanted:
        return f"which was {found!r:.60}, not {y!r:.60}"
    for path, a, b in zip(tree.paths(y, "the result"), xs, ys, strict=True):
        if not _agree(a, b):
            return f"at {path}: {a!r:.60} for {b!r:.60}"
    return ""


def _agree(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if not issubclass(type(b), (ndarray, onp.generic, float, complex)):
        return bool(a is b or a == b)
    a, b = onp.asarray(a), onp.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind not in "fc" or not a.size:
        return bool(onp.array_equal(a, b))
    with onp.errstate(all="ignore"):
        finite = onp.isfinite(b)
        size = onp.max(onp.abs(b), initial=0, where=finite)
        same = (
            (a == b)
            | (onp.isnan(a) & onp.isnan(b))
            | (onp.abs(a - b) <= onp.finfo(a.dtype).eps ** 0.5 * size)
        )
    return bool(same.all())
