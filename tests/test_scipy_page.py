"""The page for users of SciPy tells the truth: its programs run, and each is in its table of jobs."""

import doctest
import re
from pathlib import Path

import funad
from funad.scipy import MODULES

PAGE = (Path(funad.__file__).parent / "docs" / "scipy.md").read_text(encoding="utf-8")


def test_its_programs_run_one_after_the_other():
    names = {}
    blocks = list(re.finditer(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
    assert len(blocks) > 15
    for block in blocks:
        line = PAGE[: block.start(1)].count("\n")
        test = doctest.DocTestParser().get_doctest(block[1], names, "scipy.md", "scipy.md", line)
        said = []
        result = doctest.DocTestRunner().run(test, out=said.append, clear_globs=False)
        assert not result.failed, "".join(said)
        names = test.globs


def test_every_job_of_the_table_has_its_program():
    links = re.findall(r"^\| .* \| \[(\d+)\]\(#(.*?)\) \|$", PAGE, re.MULTILINE)
    titles = re.findall(r"^### (.*)$", PAGE, re.MULTILINE)
    anchors = [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles]
    assert [anchor for _, anchor in links] == anchors
    assert [number for number, _ in links] == [str(n + 1) for n in range(10)]


def test_it_names_every_module():
    assert all(f"`{module}`" in PAGE.partition("```python")[0] for module in MODULES)
