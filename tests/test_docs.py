"""The pages of the documentation tell the truth: their programs run, and their links lead somewhere."""

import doctest
import os
import re
from pathlib import Path

import pytest

import funad

from . import pages

DOCS = Path(funad.__file__).parent / "docs"
PAGES = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
# These have tests of their own, which run them.
ELSEWHERE = {"complex.md", "migration.md", "scipy.md"}
BUILT = {"gallery", "changes.md"}  # folders and pages that are written when the site is built


def text_of(page):
    """Return the text of a page."""
    return (DOCS / page).read_text(encoding="utf-8")


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    "page", [page for page in PAGES if page not in ELSEWHERE and pages.blocks(text_of(page))]
)
def test_its_programs_run_one_after_the_other(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pages.run(page, text_of(page), options=doctest.ELLIPSIS)


@pytest.mark.parametrize("page", PAGES)
def test_its_links_lead_to_pages(page):
    text = re.sub(r"^```.*?^```$|`[^`\n]*`", "", text_of(page), flags=re.DOTALL | re.MULTILINE)  # no code
    for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", text):
        path = os.path.normpath(Path(page).parent / target)
        first = Path(path).parts[0]
        assert first in BUILT or (DOCS / path).exists() or Path(path).parent.name == "reference", target


def test_every_page_stands_in_a_table_of_contents():
    build = (DOCS.parents[1] / ".docs" / "build.py").read_text(encoding="utf-8")
    listed = {"index", *re.findall(r'"\.\./(\w+)"', build)}  # the contents of the reference are written there
    for page in PAGES:
        for tree in re.findall(r"^```\{toctree\}\n(.*?)^```$", text_of(page), re.DOTALL | re.MULTILINE):
            names = [line for line in tree.splitlines() if line and not line.startswith(":")]
            listed |= {os.path.normpath(Path(page).parent / name) for name in names}
    assert {page.removesuffix(".md") for page in PAGES if not page.startswith("reference")} <= listed
