"""The page for users of SciPy tells the truth: its programs run, and each is in its table of jobs."""

import re
from pathlib import Path

import funad
from funad.scipy import MODULES

from . import pages

PAGE = (Path(funad.__file__).parent / "docs" / "scipy.md").read_text(encoding="utf-8")


def test_its_programs_run_one_after_the_other():
    assert len(pages.blocks(PAGE)) > 15
    pages.run("scipy.md", PAGE)


def test_every_job_of_the_table_has_its_program():
    links = re.findall(r"^\| .* \| \[(\d+)\]\(#(.*?)\) \|$", PAGE, re.MULTILINE)
    titles = re.findall(r"^### (.*)$", PAGE, re.MULTILINE)
    anchors = [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles]
    assert [anchor for _, anchor in links] == anchors
    assert [number for number, _ in links] == [str(n + 1) for n in range(10)]


def test_it_names_every_module():
    assert all(f"`{module}`" in PAGE.partition("```python")[0] for module in MODULES)
