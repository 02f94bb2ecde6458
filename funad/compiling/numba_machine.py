"""The text of a kernel to machine code: one intrinsic of numba's walks over its syntax tree and builds LLVM.

numba itself sees ``return body(x, y, ...)`` alone: it takes arguments apart, links and calls. Compiling the
text line by line would take it some ten times as long.
"""

from __future__ import annotations

import ast
import platform
import sys
from typing import Any

import numba
import numpy as onp
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .numba_cache import file_of
from .numba_functions import (
    DOUBLE,
    FLOAT,
    FUNCTIONS,
    I1,
    I8,
    I32,
    I64,
    INVALID,
    MISSED,
    OTHER,
    Functions,
    i64,
)  # fmt: skip
from .program import Spec

__all__ = ["machine_code"]

ON_STACK = 1 << 16  # bytes of temporaries up to which they stand on the stack
# In C's fenv.h: invalid, and those of Python's numbers that raise, division by zero and overflow.
_WINDOWS = sys.platform == "win32"
_FE = {"invalid": 16, "divide": 8, "overflow": 4} if _WINDOWS else {"invalid": 1, "divide": 4, "overflow": 8}
if platform.machine() in ("arm64", "aarch64") and not _WINDOWS:
    _FE = {"invalid": 1, "divide": 2, "overflow": 4}
# In a long kernel, loops of few turns that run once are not vectorised: that would take LLVM the most time.
LONG, FEW_TURNS = 400, 64
LEAST_TURNS, LANES = 16, 8  # below so many turns of a loop, LLVM fills up its last vector
# Words that no zero makes infinite or invalid.
_HARMLESS = frozenset(
    {"exp", "tanh", "sin", "cos", "sqrt", "one_minus_square", "one_plus", "fermi", "negative", "absolute",
     "square", "maximum", "minimum", "where", "missed", "isnan", "isfinite", "not_", "not_within", "sign",
     "float64", "float32", "int64", "bool", "complement", "log1p", "logaddexp", "keep"}
)  # fmt: skip
LLVM = {"float64": DOUBLE, "float32": FLOAT, "bool": I1, "int64": I64}
STORED = {"float64": DOUBLE, "float32": FLOAT, "bool": I8, "int64": I64}
SIZES = {"float64": 8, "float32": 4, "bool": 1, "int64": 8}
_SIGNS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_FLOATING = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul", ast.Div: "fdiv"}
_INTEGER = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.BitAnd: "and_",
    ast.BitOr: "or_",
    ast.BitXor: "xor",
}


class Walk:
    """Builds the LLVM of one kernel."""

    def __init__(self, ctx: Any, builder: Any, sig: Any, args: Any, kernel: Any) -> None:
        self.ctx, self.b, self.kernel = ctx, builder, kernel
        self.code = cgutils.alloca_once_value(builder, i64(0))
        self.f = Functions(builder, self.note)
        self.env: dict[str, Any] = {}
        self.buffers: dict[str, tuple[Any, str]] = {}
        self.misfit = ir.Constant(I1, 0)
        names = kernel.parameters + kernel.outputs
        for name, kind, value in zip(names, sig.args, args, strict=True):
            if isinstance(kind, types.Array):
                self.buffers[name] = self.array(name, kind, value), str(kind.dtype)
            elif kind == types.boolean:
                self.env[name] = builder.trunc(value, I1) if value.type != I1 else value
            else:
                self.env[name] = value
        self.domain = builder.module.add_metadata([f"kernel {id(self)}"])
        self.scopes: dict[str, Any] = {}
        self.others: dict[Any, Any] = {}
        # Whether the loops run once, beside others that take longer.
        self.once = kernel.text.count("\n") > LONG
        self.near: frozenset[str] = frozenset()  # the buffers that the innermost loop reads or writes

    def array(self, name: str, kind: Any, value: Any) -> Any:
        """Return the memory of an array; note whether it lies otherwise than row by row."""
        b, made = self.b, self.ctx.make_array(kind)(self.ctx, self.b, value)
        shape = self.kernel.shapes.get(name)
        if shape is not None:
            step = SIZES[str(kind.dtype)]
            for k in reversed(range(len(shape))):
                size = b.extract_value(made.shape, k)
                self.misfit = b.or_(self.misfit, b.icmp_signed("!=", size, i64(shape[k])))
                if shape[k] != 1:
                    stride = b.extract_value(made.strides, k)
                    self.misfit = b.or_(self.misfit, b.icmp_signed("!=", stride, i64(step)))
                step *= shape[k]
        return made.data

    def marked(self, instruction: Any, name: str) -> Any:
        """Say that a buffer overlaps none of those near: LLVM asks that at run time, or does not vectorise.

        Near are those of the same loop. Of all others too, LLVM would compare long lists all the time.
        """
        if name in self.near:
            own, others = self.scopes_of(name)
            instruction.set_metadata("alias.scope", own)
            if len(self.near) > 1:
                instruction.set_metadata("noalias", others)
        return instruction

    def scopes_of(self, name: str) -> Any:
        """Return the metadata of a buffer, and of the others near."""
        module = self.b.module
        for each in self.near - self.scopes.keys():
            scope = module.add_metadata([f"buffer {each} {id(self)}", self.domain])
            self.scopes[each] = scope, module.add_metadata([scope])
        key = name, self.near
        if key not in self.others:
            found = [self.scopes[each][0] for each in sorted(self.near) if each != name]
            self.others[key] = module.add_metadata(found)
        return self.scopes[name][1], self.others[key]

    def note(self, condition: Any, bit: int) -> None:
        """Note a condition in ``code``."""
        b = self.b
        word = b.select(condition, i64(bit), i64(0))
        b.store(b.or_(b.load(self.code), word), self.code)

    # --- values; literals are Python's numbers until they meet a type

    def typed(self, x: Any, kind: Any = DOUBLE) -> Any:
        """Return a value, or a literal as one of a type."""
        if isinstance(x, ir.Value):
            return x
        return ir.Constant(kind, float(x) if kind in (DOUBLE, FLOAT) else int(x))

    def alike(self, *xs: Any) -> list[Any]:
        kind = next((x.type for x in xs if isinstance(x, ir.Value)), DOUBLE)
        return [self.typed(x, kind) for x in xs]

    def value(self, e: Any) -> Any:
        how = type(e)
        if how is ast.Constant:
            return e.value
        if how is ast.Name:
            return self.named(e.id)
        if how is ast.UnaryOp:
            return self.negative(self.value(e.operand))
        if how is ast.BinOp:
            return self.binary(type(e.op), self.value(e.left), self.value(e.right))
        if how is ast.Compare:
            return self.compare(_SIGNS[type(e.ops[0])], self.value(e.left), self.value(e.comparators[0]))
        if how is ast.Subscript:
            return self.load(e)
        assert how is ast.Call, ast.dump(e)
        return self.call(e.func.id, [self.value(x) for x in e.args])

    def named(self, name: str) -> Any:
        if name in ("inf", "nan"):
            return float(name)
        return self.b.load(self.code) if name == "code" else self.env[name]

    def negative(self, x: Any) -> Any:
        if not isinstance(x, ir.Value):
            return -x
        return self.b.neg(x) if x.type == I64 else self.b.fneg(x)

    def binary(self, op: Any, x: Any, y: Any) -> Any:
        if not isinstance(x, ir.Value) and not isinstance(y, ir.Value) and type(x) is type(y) is int:
            return {ast.Add: x + y, ast.Sub: x - y, ast.Mult: x * y}[op]
        x, y = self.alike(x, y)
        return getattr(self.b, (_FLOATING if x.type in (DOUBLE, FLOAT) else _INTEGER)[op])(x, y)

    def compare(self, sign: str, x: Any, y: Any) -> Any:
        x, y = self.alike(x, y)
        if x.type == I1:
            return self.b.icmp_unsigned(sign, x, y)
        if x.type == I64:
            return self.b.icmp_signed(sign, x, y)
        return (self.b.fcmp_unordered if sign == "!=" else self.b.fcmp_ordered)(sign, x, y)

    def call(self, name: str, xs: list[Any]) -> Any:
        """Return the value of a word."""
        if name in LLVM:
            return self.cast(xs[0], LLVM[name])
        own = getattr(self, f"word_{name}", None)
        if own is not None:
            return own(*xs)
        xs = self.alike(*xs)
        if xs[0].type == I64:
            return self.of_integers(name, xs)
        if xs[0].type == FLOAT:  # in float64, rounded once
            y = FUNCTIONS[name](self.f, *[self.cast(x, DOUBLE) for x in xs])
            return self.b.fptrunc(y, FLOAT)
        return FUNCTIONS[name](self.f, *xs)

    def of_integers(self, name: str, xs: list[Any]) -> Any:
        b, zero = self.b, i64(0)
        if name == "absolute":
            return b.select(b.icmp_signed("<", xs[0], zero), b.neg(xs[0]), xs[0])
        if name == "square":
            return b.mul(xs[0], xs[0])
        if name == "sign":
            low = b.select(b.icmp_signed("<", xs[0], zero), i64(-1), zero)
            return b.select(b.icmp_signed(">", xs[0], zero), i64(1), low)
        return b.select(b.icmp_signed(">" if name == "maximum" else "<", *xs), *xs)

    def cast(self, x: Any, kind: Any) -> Any:
        b = self.b
        if not isinstance(x, ir.Value):
            return self.typed(x, kind)
        if x.type == kind:
            return x
        if kind == I1:
            return (
                b.icmp_signed("!=", x, i64(0))
                if x.type == I64
                else b.fcmp_unordered("!=", x, ir.Constant(x.type, 0.0))
            )
        if x.type == I1:
            return b.zext(x, I64) if kind == I64 else b.uitofp(x, kind)
        if x.type == I64:
            return b.sitofp(x, kind)
        return {DOUBLE: b.fpext, FLOAT: b.fptrunc, I64: b.fptosi}[kind](x, kind)

    # --- words that are not functions of floats

    def word_negative(self, x: Any) -> Any:
        return self.negative(x)

    def word_not_(self, x: Any) -> Any:
        return self.b.not_(self.typed(x, I1))

    def word_where(self, c: Any, x: Any, y: Any) -> Any:
        return self.b.select(self.typed(c, I1), *self.alike(x, y))

    def word_isnan(self, x: Any) -> Any:
        x = self.typed(x)
        return self.b.fcmp_unordered("uno", x, x)

    def size(self, x: Any) -> Any:
        return self.f.intrinsic("fabs", self.typed(x))

    def word_isfinite(self, x: Any) -> Any:
        size = self.size(x)
        return self.b.fcmp_ordered("<", size, ir.Constant(size.type, float("inf")))

    def word_isinf(self, x: Any) -> Any:
        size = self.size(x)
        return self.b.fcmp_ordered("==", size, ir.Constant(size.type, float("inf")))

    def word_not_within(self, x: Any, low: Any, high: Any) -> Any:
        x = self.typed(x)
        low, high = self.typed(low, x.type), self.typed(high, x.type)
        return self.b.or_(self.b.fcmp_unordered("<", x, low), self.b.fcmp_unordered(">", x, high))

    def word_missed(self, condition: Any) -> Any:
        return self.b.select(self.typed(condition, I1), i64(MISSED), i64(0))

    def word_outside(self, k: Any, size: Any) -> Any:
        b, k = self.b, self.typed(k, I64)
        outside = b.or_(b.icmp_signed("<", k, i64(-size)), b.icmp_signed(">=", k, i64(size)))
        return b.select(outside, i64(INVALID), i64(0))

    def word_wrapped(self, k: Any, size: Any) -> Any:
        """Return an index from the start of an axis; one outside, which is noted, is 0."""
        b, k = self.b, self.typed(k, I64)
        k = b.select(b.icmp_signed("<", k, i64(0)), b.add(k, i64(size)), k)
        return b.select(b.icmp_unsigned("<", k, i64(size)), k, i64(0))

    def word_invalid(self) -> Any:
        """Return whether an invalid operation has been met."""
        b = self.b
        # What has been computed for ``code`` is computed before the question.
        through = ir.FunctionType(I64, [I64])
        b.store(b.asm(through, "", "=r,0,~{memory}", [b.load(self.code)], True), self.code)
        flags = self.flags("fetestexcept")
        return b.select(b.icmp_signed("!=", flags, ir.Constant(I32, 0)), i64(INVALID), i64(0))

    def flags(self, name: str) -> Any:
        mask = _FE["invalid"] + (_FE["divide"] + _FE["overflow"] if self.kernel.raises else 0)
        kind = ir.FunctionType(I32, [I32])
        return self.b.call(
            cgutils.get_or_insert_function(self.b.module, kind, name), [ir.Constant(I32, mask)]
        )

    # --- memory

    def address(self, e: Any) -> tuple[Any, str]:
        name = e.value.id
        return self.b.gep(self.buffers[name][0], [self.typed(self.value(e.slice), I64)], inbounds=True), name

    def load(self, e: Any) -> Any:
        at, name = self.address(e)
        x = self.marked(self.b.load(at), name)
        return self.b.trunc(x, I1) if self.buffers[name][1] == "bool" else x

    def store(self, e: Any, x: Any) -> None:
        at, name = self.address(e)
        kind = self.buffers[name][1]
        x = self.typed(x, LLVM[kind])
        self.marked(self.b.store(self.b.zext(x, I8) if kind == "bool" else x, at), name)

    def add_to(self, s: Any) -> None:
        """Add to an element: sums may be regrouped, so that loops over them are vectorised."""
        x, y = self.alike(self.load(s.target), self.value(s.value))
        if x.type in (DOUBLE, FLOAT):
            z = self.b.fadd(x, y, flags=("reassoc", "nsz"))
        else:
            z = getattr(self.b, _INTEGER[type(s.op)])(x, y)
        self.store(s.target, z)

    def allocate(self, spaces: list[tuple[str, int, str]]) -> Any:
        """Give temporaries their memory; return what has to be freed, if anything."""
        b, starts, total = self.b, [], 0
        for _, size, kind in spaces:
            starts.append(total)
            total += -(-size * SIZES[kind] // 64) * 64
        if total <= ON_STACK:
            with b.goto_entry_block():
                memory = b.alloca(I8, max(total, 1))
                memory.align = 64
        else:
            make = ir.FunctionType(I8.as_pointer(), [I64])
            memory = b.call(cgutils.get_or_insert_function(b.module, make, "malloc"), [i64(total)])
        for (name, _, kind), start in zip(spaces, starts, strict=True):
            at = b.gep(memory, [i64(start)], inbounds=True)
            self.buffers[name] = b.bitcast(at, STORED[kind].as_pointer()), kind
        return memory if total > ON_STACK else None

    # --- statements

    def run(self, tree: Any) -> Any:
        """Build the kernel; return its code."""
        b = self.b
        body = list(tree.body)
        spaces = []
        while _is_space(body[0]):
            s = body.pop(0)
            spaces.append((s.targets[0].id, s.value.args[0].value, s.value.args[1].id))
        b.store(b.select(self.misfit, i64(OTHER), i64(0)), self.code)
        with b.if_then(b.not_(self.misfit)):
            memory = self.allocate(spaces)
            with b.if_then(b.icmp_signed("!=", self.flags("fetestexcept"), ir.Constant(I32, 0))):
                self.flags("feclearexcept")  # to ask takes 5 ns, to clear 90
            self.block(body[:-1])
            b.store(self.value(body[-1].value), self.code)
            if memory is not None:
                free = ir.FunctionType(ir.VoidType(), [I8.as_pointer()])
                b.call(cgutils.get_or_insert_function(b.module, free, "free"), [memory])
        return b.load(self.code)

    def block(self, statements: list[Any]) -> None:
        for s in statements:
            how = type(s)
            if how is ast.For:
                self.loop(s)
            elif how is ast.AugAssign and type(s.target) is ast.Name:
                self.b.store(self.b.or_(self.b.load(self.code), self.value(s.value)), self.code)
            elif how is ast.AugAssign:
                self.add_to(s)
            elif how is ast.Assign and type(s.targets[0]) is ast.Name:
                self.env[s.targets[0].id] = self.value(s.value)
            elif how is ast.Assign:
                self.store(s.targets[0], self.value(s.value))
            elif s.value.func.id == "gemm":
                self.gemm(s.value.args)
            else:
                self.gemv(s.value.args)

    def loop(self, s: Any) -> None:
        """Build a loop, which runs at least once.

        LLVM would run a short one in vectors with lanes that are none of the loop's. Where those might divide
        0 by 0, which the caller would take for an invalid operation, whole vectors are run, as wide as any
        machine has them, the rest alone. LLVM is not told how wide: it says on stderr if it cannot do that.
        """
        count = s.iter.args[0].value
        if self.once and count <= FEW_TURNS and not any(type(e) is ast.For for e in s.body):
            self.turns(s, 0, count, ("vectorize.width", 1), ("interleave.count", 1))
            return
        if count >= LEAST_TURNS or not _might_divide(s):
            self.turns(s, 0, count)
            return
        lanes = max([LANES] + [LANES * 8 // SIZES[k] for _, k in self.buffers.values() if k == "float32"])
        whole = count // lanes * lanes
        if whole:
            self.turns(s, 0, whole, ("interleave.count", 1))
        if whole < count:
            self.turns(s, whole, count, ("vectorize.width", 1), ("interleave.count", 1))

    def turns(self, s: Any, start: int, stop: int, *hints: Any) -> None:
        """Build some turns of a loop."""
        b = self.b
        before, inside = b.block, b.append_basic_block("loop")
        b.branch(inside)
        b.position_at_end(inside)
        i = b.phi(I64)
        i.add_incoming(i64(start), before)
        self.env[s.target.id] = i
        around = self.near, self.once
        self.near, self.once = _buffers_in(s.body), False
        self.block(s.body)
        self.near, self.once = around
        following = b.add(i, i64(1), flags=("nuw", "nsw"))
        after = b.append_basic_block("after")
        i.add_incoming(following, b.block)
        jump = b.cbranch(b.icmp_signed("<", following, i64(stop)), inside, after)
        jump.set_metadata("llvm.loop", self.told(*hints))
        b.position_at_end(after)

    def told(self, *hints: Any) -> Any:
        """Return what LLVM is told of a loop: not to write it out, which takes it ten times as long."""
        module = self.b.module
        named = [("unroll.disable",), ("vectorize.predicate.enable", 0), *hints]
        parts = []
        for name, *values in named:
            constants = [ir.Constant(I1 if name.endswith("enable") else I32, v) for v in values]
            parts.append(module.add_metadata([ir.MetaDataString(module, f"llvm.loop.{name}"), *constants]))
        made = module.add_metadata([ir.MetaDataString(module, f"loop {len(module.metadata)}"), *parts])
        made.operands = (made, *parts)  # it is itself the first part, which makes it one of its own
        return made

    def gemm(self, args: Any) -> None:
        """Call BLAS, by numba's own symbol: it sees all matrices transposed."""
        (c, name), (x, _), (y, _) = (self.address(args[k]) for k in (0, 1, 4))
        (row_x, turned_x), (row_y, turned_y) = ([a.value for a in args[k : k + 2]] for k in (2, 5))
        m, n, k = (a.value for a in args[7:])
        kind, one, zero, letter = self.of_blas(name)
        given = [
            kind, letter(turned_y), letter(turned_x), i64(n), i64(m), i64(k), one, y, i64(row_y),
            x, i64(row_x), zero, c, i64(n),
        ]  # fmt: skip
        self.blas("numba_xxgemm", given)

    def gemv(self, args: Any) -> None:
        """Call BLAS for a matrix and a vector."""
        (y, name), (a, _), (v, _) = (self.address(args[k]) for k in (0, 1, 4))
        row, turned, m, n = (args[k].value for k in (2, 3, 5, 6))
        kind, one, zero, letter = self.of_blas(name)
        self.blas("numba_xxgemv", [kind, letter(not turned), i64(n), i64(m), one, a, i64(row), v, zero, y])

    def of_blas(self, name: str) -> Any:
        """Return the letter of a buffer's dtype, 1 and 0 in memory, and the letters of transposition."""
        is_double = self.buffers[name][1] == "float64"
        kind = DOUBLE if is_double else FLOAT
        numbers = (cgutils.alloca_once_value(self.b, ir.Constant(kind, v)) for v in (1.0, 0.0))
        return (
            ir.Constant(I8, ord("d" if is_double else "s")),
            *numbers,
            lambda turned: ir.Constant(I8, ord("t" if turned else "n")),
        )

    def blas(self, function: str, given: list[Any]) -> None:
        """Call a function of BLAS; a failure is left to NumPy."""
        b = self.b
        given = [b.bitcast(v, I8.as_pointer()) if isinstance(v.type, ir.PointerType) else v for v in given]
        kind = ir.FunctionType(I32, [v.type for v in given])
        failed = b.call(cgutils.get_or_insert_function(b.module, kind, function), given)
        self.note(b.icmp_signed("!=", failed, ir.Constant(I32, 0)), OTHER)


def _buffers_in(statements: list[Any]) -> frozenset[str]:
    """Return the names of what statements read or write, but for loops among them."""
    return frozenset(
        e.value.id
        for s in statements
        if type(s) is not ast.For
        for e in ast.walk(s)
        if type(e) is ast.Subscript and type(e.value) is ast.Name
    )


def _might_divide(s: Any) -> bool:
    """Say whether a loop has a word or a division that zeros might make infinite or invalid."""
    if any(type(e) is ast.For for e in s.body):
        return False  # the loops in it are asked
    return any(
        isinstance(e, ast.Div) or (isinstance(e, ast.Call) and _word(e) not in _HARMLESS) for e in ast.walk(s)
    )


def _word(e: Any) -> str:
    return str(e.func.id)


def _is_space(s: Any) -> bool:
    return (
        type(s) is ast.Assign
        and type(s.value) is ast.Call
        and type(s.value.func) is ast.Name
        and s.value.func.id == "empty"
    )


def _kind(x: Spec, is_input: bool) -> Any:
    """Return numba's type of an argument: inputs may lie in memory as they like, and are only read."""
    dtype = numba.from_dtype(x.dtype)
    if x.type is onp.ndarray:
        return types.Array(dtype, len(x.shape), "A" if is_input else "C", readonly=is_input)
    return dtype


def machine_code(kernel: Any) -> Any:
    """Return a function of the arguments and outputs of a kernel, which returns its code."""
    tree = ast.parse(kernel.text).body[0]
    names = ", ".join([*kernel.parameters, *kernel.outputs])

    def build(ctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        return Walk(ctx, builder, sig, args, kernel).run(tree)

    text = (
        f"@intrinsic\ndef body(ctx, {names}):\n    return types.int64({names}), build\n"
        f"def kernel({names}):\n    return body({names})\n"
    )
    signature = types.int64(*(_kind(x, True) for x in kernel.takes), *(_kind(x, False) for x in kernel.fills))
    path = file_of(text, kernel.text, str(signature), str(kernel.shapes), str(kernel.raises))
    # Code that is loaded asks for the module of its function, which has to be one that can be imported.
    space = {"intrinsic": intrinsic, "types": types, "build": build, "__name__": __name__}
    exec(compile(text, path or "<kernel>", "exec"), space)
    return numba.njit(signature, error_model="numpy", cache=path is not None)(space["kernel"])
