"""The programs in pages of Markdown, and a run of them one after the other."""

import doctest
import re


def blocks(text, language="python"):
    """Return the code blocks of a language, each with the number of its first line."""
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [(text[: block.start(1)].count("\n"), block[1]) for block in found]


def run(page, text, module="__main__", options=0):
    """Run the Python of a page, examples with their results and plain programs, with names in common."""
    names = {"__name__": module}
    for line, code in blocks(text):
        if ">>>" not in code:
            exec(compile("\n" * line + code, page, "exec"), names)
            continue
        test = doctest.DocTestParser().get_doctest(code, names, page, page, line)
        said = []
        result = doctest.DocTestRunner(optionflags=options).run(test, out=said.append, clear_globs=False)
        assert not result.failed, "".join(said)
        names = test.globs
