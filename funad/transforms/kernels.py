"""Machine code for recorded programs: made in a thread of its own, while their NumPy source runs."""

from __future__ import annotations

import importlib
import importlib.util
import threading
import traceback
from typing import Any

from ..compiling.numba_loops import TooLong
from ..errors import ArgumentError
from .recordings import CompiledProgram, Plan

__all__ = ["Making", "check_numba"]


def check_numba() -> None:
    """Raise if numba is not installed."""
    if importlib.util.find_spec("numba") is None:
        raise ArgumentError(
            "backend='numba' needs numba, which is not installed: pip install 'funad[numba]', or leave "
            "backend out for programs of NumPy calls"
        )


class Making:
    """The kernels of one program in the making.

    ``made`` is the program with kernels in text, ``functions`` their machine code; ``why`` says why there are
    none.
    """

    def __init__(self, program: CompiledProgram, ready: Any) -> None:
        self.program, self.ready = program, ready
        self.plan, program.plan = program.plan, None
        self.made: CompiledProgram | None = None
        self.functions: list[Any] = []
        self.why = ""
        self.failure: Exception | None = None
        self.done = False
        self.thread = threading.Thread(target=self._make, name="funad kernel")
        self.thread.start()

    def _make(self) -> None:
        plan, self.plan = self.plan, None
        try:
            assert plan is not None
            made = self.text(plan)
            if made is None:
                self.why = "no call in it has a kernel"
            else:
                machine = importlib.import_module("..compiling.numba_machine", __package__)
                self.functions = [machine.machine_code(kernel) for kernel in made.kernels]
                self.made = made
        except TooLong:
            self.why = "it is too long for a kernel, which would take minutes to compile"
        except Exception as error:
            self.failure = error
            self.why = "the compiler of kernels failed:\n" + traceback.format_exc()
        self.done = True
        self.ready(self)

    @staticmethod
    def text(plan: Plan) -> CompiledProgram | None:
        """Return a program with kernels in text."""
        return plan.with_kernels()
