"""What funad asks of CPython itself: who calls, where an error came through, who else has an object.

Frames and tracebacks are taken outside in or inside out, as said. The last part reads the source of one
instruction from the bytecode, for programs whose text is not at hand: what is typed at the prompt of Python
3.11 and 3.12, with ``exec``, on standard input. The instructions before the one in question are run on text
in the place of values. What is not known becomes ``_``: a name that is found must be right, an argument may
be left out.
"""

from __future__ import annotations

import dis
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType, TracebackType
from typing import Any

AT_USER = "numpy at the user's line"  # the qualified name of code that stands in for a line of the user's
HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep  # where the files of funad are


# --- frames: of what is running, from the inside out


def frame_at(depth: int) -> Any:
    """Return the frame so many above the caller's."""
    return sys._getframe(depth + 1)


def above(frame: Any) -> Iterator[Any]:
    """Iterate over a frame and those that have called it."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def frame_of_user(depth: int) -> Any:
    """Return the innermost frame that is not funad's, from so many above the caller's on."""
    frame = sys._getframe(depth + 1)
    while frame.f_back is not None and is_of_funad(frame):
        frame = frame.f_back
    return frame


def names_in(frame: Any) -> Any:
    """Return the local variables of a frame."""
    return frame.f_locals


def is_of_funad(frame: FrameType) -> bool:
    """Say whether a frame runs code of funad's."""
    return frame.f_code.co_filename.startswith(HERE)


def line_in(frame: FrameType, number: int) -> str:
    """Return where a line of a frame stands, as tracebacks say it."""
    return f'File "{frame.f_code.co_filename}", line {number}, in {frame.f_code.co_name}'


def steps(error: BaseException) -> Iterator[TracebackType]:
    """Iterate over the calls that an error has come through, from the outside in."""
    step = error.__traceback__
    while step is not None:
        yield step
        step = step.tb_next


def leave_out(hidden: Callable[[FrameType], bool], error: BaseException) -> None:
    """Take the calls with hidden frames out of the traceback of an error."""
    kept = None
    for step in reversed(list(steps(error))):
        if not hidden(step.tb_frame):
            step.tb_next, kept = kept, step
    error.__traceback__ = kept


def raise_if(error: Exception | None) -> None:
    """Raise an error if there is one; no frame that its traceback refers to has a name for it."""
    if error is not None:
        try:
            raise error
        finally:
            del error


# --- references


def other_holders(x: Any) -> int:
    """Return how many refer to x besides one local variable of the caller's."""
    return sys.getrefcount(x) - _ALONE


def _of_one_local() -> int:
    x = object()
    return other_holders(x)


_ALONE = 0
_ALONE = _of_one_local()


# --- bytecode


def writes_text(frame: FrameType) -> bool:
    """Say whether a frame is at ``text % values``: no other ``%`` asks its right side for a float or int."""
    while frame.f_code.co_name in ("__float__", "__int__") and frame.f_back and is_of_funad(frame):
        frame = frame.f_back  # a traced value asks that of the outer transformation which it holds
    code, at = frame.f_code.co_code, frame.f_lasti
    return code[at] == _BINARY_OP and code[at + 1] in _REMAINDERS


def takes_no_result(frame: FrameType) -> bool:
    """Say whether the call that a frame is at is a statement by itself."""
    code, at = frame.f_code.co_code, frame.f_lasti + 2
    while at < len(code) and code[at] == 0:  # room for the interpreter's own notes
        at += 2
    return at < len(code) and code[at] == dis.opmap["POP_TOP"]


def operation_at(code: CodeType, at: int) -> str:
    """Return the name of the instruction at an offset, or of the one whose notes stand there."""
    while at > 0 and code.co_code[at] == 0:
        at -= 2
    return str(dis.opname[code.co_code[at]])


def positions_at(code: CodeType, at: int) -> Any:
    """Return line, last line, column and last column of the source of an instruction, each or None."""
    return next(itertools.islice(code.co_positions(), at // 2, None), (None,) * 4)


def instructions(code: CodeType) -> Iterator[tuple[str, Any]]:
    """Iterate over the instructions of a code: (operation, what it is done to)."""
    for step in dis.get_instructions(code):
        yield step.opname, step.argval


def done_to(operation: str, code: CodeType) -> Iterator[Any]:
    """Iterate over what an operation is done to in a code and in those inside of it: STORE_DEREF, say."""
    if dis.opmap[operation] in code.co_code[::2]:
        yield from (found for name, found in instructions(code) if name == operation)
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from done_to(operation, part)


_UNKNOWN = "_"
_SELF = object()  # on the stack, the object of a method beside the method's own text
_BINARY_OP = dis.opmap["BINARY_OP"]
_REMAINDERS = [n for n, (_, sign) in enumerate(dis._nb_ops) if sign in ("%", "%=")]  # type: ignore[attr-defined]
_JUMPS = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)


def source_of(code: CodeType, at: int) -> str:
    """Return the source of the instruction at an offset; "" if it cannot be told."""
    try:
        return _Reader(code).read(at)
    except Exception:  # of a Python whose bytecode is another
        return ""


class _Reader:
    """Runs instructions on text."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.stack: list[Any] = []
        self.names: Any = ()  # of the keywords of the next call, in Python 3.11 and 3.12
        self.at_target: dict[int, list[Any]] = {}  # what is on the stack where a jump leads to

    def read(self, at: int) -> str:
        reachable = True
        instructions = list(dis.get_instructions(self.code))
        # A call that is being run stands behind its instruction, among what the interpreter notes there.
        at = max(each.offset for each in instructions if each.offset <= at)
        for instruction in instructions:
            if not reachable or instruction.offset in self.at_target:
                self.stack = list(self.at_target.get(instruction.offset, ()))
            name = instruction.opname
            if instruction.offset == at:
                return self.written(instruction)
            reachable = not name.startswith(("JUMP_FORWARD", "RETURN", "RAISE", "RERAISE", "JUMP_BACKWARD"))
            if instruction.opcode in _JUMPS and "BACKWARD" not in name:
                effect = dis.stack_effect(instruction.opcode, instruction.arg, jump=True)
                left = self.stack[: len(self.stack) + min(effect, 0)] + [_UNKNOWN] * max(effect, 0)
                self.at_target.setdefault(instruction.argval, left)
            self.run(instruction)
        return ""

    def pop(self) -> Any:
        return self.stack.pop() if self.stack else _UNKNOWN

    def pops(self, n: int) -> list[Any]:
        return [self.pop() for _ in range(n)][::-1]

    def written(self, instruction: Any) -> str:
        """Return the source of the instruction itself: of a write, what is written to."""
        if instruction.opname == "STORE_SUBSCR":
            return _item(*self.pops(2))
        self.run(instruction)
        found = self.pop()
        return found if isinstance(found, str) else ""

    def run(self, instruction: Any) -> None:
        """Do to the stack what an instruction does."""
        name, value = instruction.opname, instruction.argval
        known = getattr(self, f"_{name.lower()}", None)
        if known is not None:
            known(instruction)
        elif name in _MAKING:
            count, make = _MAKING[name]
            self.stack.append(make(*self.pops(instruction.arg if count is None else count)))
        elif name in ("LOAD_CONST", "LOAD_SMALL_INT"):
            self.stack.append(repr(value))
        elif name == "STORE_FAST_LOAD_FAST":  # fused, from Python 3.13 on
            self.pop()
            self.stack.append(value[1])
        elif name.startswith("LOAD_FAST_") and isinstance(value, tuple):
            self.stack += value
        elif name.startswith(("LOAD_FAST", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF")):
            self.stack.append(str(value))
        elif name not in ("NOP", "RESUME", "CACHE", "PRECALL", "MAKE_CELL", "COPY_FREE_VARS", "EXTENDED_ARG"):
            self.other(instruction)

    def other(self, instruction: Any) -> None:
        """Take from the stack and put on it as many things as an instruction does."""
        jump = False if instruction.opcode in _JUMPS else None
        effect = dis.stack_effect(instruction.opcode, instruction.arg, jump=jump)
        if effect < 0:
            self.pops(-effect)
        if self.stack and not instruction.opname.startswith(("POP", "STORE", "JUMP", "RETURN")):
            self.stack[-1] = _UNKNOWN
        self.stack += [_UNKNOWN] * max(effect, 0)

    def _load_global(self, instruction: Any) -> None:
        null = [None] if instruction.arg & 1 else []
        self.stack += [instruction.argval, *null] if _CALLABLE_FIRST else [*null, instruction.argval]

    def _load_method(self, instruction: Any) -> None:
        self.stack += [f"{self.pop()}.{instruction.argval}", _SELF]

    def _load_attr(self, instruction: Any) -> None:
        self.stack.append(f"{self.pop()}.{instruction.argval}")
        if _METHODS_ARE_ATTRIBUTES and instruction.arg & 1:
            self.stack.append(_SELF)

    def _kw_names(self, instruction: Any) -> None:
        self.names = self.code.co_consts[instruction.arg]

    def _call(self, instruction: Any) -> None:
        self.call(instruction.arg, self.names)
        self.names = ()

    def _call_kw(self, instruction: Any) -> None:
        names = self.pop()
        self.call(instruction.arg, eval(names, {"__builtins__": {}}) if isinstance(names, str) else ())

    def call(self, count: int, names: Any) -> None:
        args = [part if isinstance(part, str) else _UNKNOWN for part in self.pops(count)]
        called = [part for part in self.pops(2) if isinstance(part, str)]
        start = len(args) - len(names)
        args[start:] = [f"{name}={part}" for name, part in zip(names, args[start:], strict=True)]
        self.stack.append(f"{called[0] if called else _UNKNOWN}({', '.join(args)})")

    def _binary_op(self, instruction: Any) -> None:
        a, b = self.pops(2)
        sign = instruction.argrepr
        if sign != "[]" and not sign.endswith("="):
            a, b = (f"({part})" if " " in part and "(" not in part else part for part in (a, b))
        self.stack.append(_item(a, b) if sign == "[]" else f"{a} {sign} {b}")  # [] in Python 3.14

    def _swap(self, instruction: Any) -> None:
        if len(self.stack) >= instruction.arg:
            self.stack[-1], self.stack[-instruction.arg] = self.stack[-instruction.arg], self.stack[-1]

    def _copy(self, instruction: Any) -> None:
        enough = len(self.stack) >= instruction.arg
        self.stack.append(self.stack[-instruction.arg] if enough else _UNKNOWN)


def _item(x: Any, index: Any) -> str:
    return f"{x}[{index}]"


def _slice(*parts: Any) -> str:
    return ":".join("" if part == "None" else part for part in parts)


# Instructions that make something of parts on the stack: of how many (None: as many as they say), and what.
_MAKING: dict[str, tuple[int | None, Callable[..., Any]]] = {
    "PUSH_NULL": (0, lambda: None),
    "UNARY_NEGATIVE": (1, lambda x: f"-{x}"),
    "BINARY_SUBSCR": (2, _item),
    "BINARY_SLICE": (3, lambda x, start, stop: _item(x, _slice(start, stop))),
    "BUILD_SLICE": (None, _slice),
    "BUILD_TUPLE": (None, lambda *parts: ", ".join(parts)),
    "BUILD_LIST": (None, lambda *parts: f"[{', '.join(parts)}]"),
}
# Python 3.12 reads methods by the instruction for attributes; 3.13 puts the null behind the function.
_METHODS_ARE_ATTRIBUTES = "LOAD_METHOD" not in dis.opmap or dis.opmap["LOAD_METHOD"] > 255
_CALLABLE_FIRST = "CALL_KW" in dis.opmap
