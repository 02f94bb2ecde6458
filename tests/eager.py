"""Which functions are left as they are by compile, and why: found by compiling their rules.

``python -m tests.eager`` writes the list into ``funad/docs/compile.md``. ``test_compile_everything.py`` fails
when a function of the list runs as a program, or one that is not in it does not.
"""

import functools
import re
import sys
import warnings
from collections import defaultdict
from pathlib import Path

from funad import compile
from funad.registry import primitive_of

from .compiled import pulled_back
from .drawing import RULES, drawn, present

PAGE = Path(__file__).parent.parent / "funad" / "docs" / "compile.md"
COMMAND = "python -m tests.eager"
TITLE = "## Functions that run as they are"
CALLS = 4  # of each function


def name_of(rule):
    return primitive_of(rule.values[0]).name


def is_public(name):
    """Say whether users call a function by this name."""
    library, *path = name.split(".")
    try:
        functools.reduce(getattr, path, sys.modules[library])
    except (AttributeError, KeyError):
        return False
    return True


def reasons(rule):
    """Return why calls of a rule are not compiled, of those that are tried."""
    f, argnum = rule.values
    found = set()
    for at in drawn(f)[:CALLS]:
        if present(at, argnum):
            fast = compile(pulled_back(f, argnum), check=False)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    fast(at.args, at.kwargs)
                except Exception:  # so does eager
                    continue
            if not fast.programs:
                found.add(reason_of(fast.explain()))
    return found


def reason_of(text):
    """Return the reason that ``explain`` gives, without the value and the line that it speaks of."""
    said = re.split(r"not compiled yet: |eager: ", text)[-1]
    said = re.split(r"; |: draw |, which |, when |: the derivative", said.strip())[0]
    return re.sub(r"^.* \(\w+(\[.*?\])?\): ", "a value: ", said)


def section():
    """Return the section of the page."""
    found = defaultdict(set)
    for rule in RULES:
        if is_public(name_of(rule)):
            for reason in reasons(rule):
                found[reason].add(name_of(rule))
    rows = [f"| {', '.join(f'`{name}`' for name in sorted(found[why]))} | {why} |" for why in sorted(found)]
    return "\n".join(["| function | what `explain()` says |", "| --- | --- |", *rows])


def listed(text):
    """Return the names in the table of the page."""
    return set(re.findall(r"`((?:numpy|scipy)\.[\w.]+)`", text.partition(TITLE)[2].partition("\n## ")[0]))


def write():
    text = PAGE.read_text(encoding="utf-8")
    before, title, rest = text.partition(TITLE)
    said, _, after = rest.partition("\n## ")
    said = said.partition("| function |")[0]
    PAGE.write_text(f"{before}{title}{said}{section()}\n\n## {after}", encoding="utf-8")


if __name__ == "__main__":
    write()
