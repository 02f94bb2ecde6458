"""How Sphinx builds the site. ``python .docs/build.py`` calls it."""

import re

import funad

project = "funad"
author = "the funad authors"
version = release = funad.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx_design",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
source_suffix = {".md": "markdown"}
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
numpydoc_show_class_members = False
autosummary_generate = False  # which numpydoc brings
numpydoc_xref_param_type = False
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
default_role = "code"

autodoc_typehints = "none"  # the docstrings have them in words
html_theme = "pydata_sphinx_theme"
html_title = "funad"
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": True,
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"index": [], "start": [], "changes": []}  # pages without others below them
html_copy_source = html_show_sourcelink = False
copyright = "the funad authors"
html_css_files = ["funad.css"]
html_static_path = ["_static"]


# Text in backticks is left as it is; so is the bold and slanted text that numpydoc makes.
_BARE = re.compile(r"(``.+?``|`.+?`|\*\*\S+?\*\*|(?<=: )\*.+\*$)|\*{1,2}(?=\w)|\|")


def escape(app, what, name, found, options, lines):
    """Escape the stars of shapes, as in (*out, *in), and the bars of |x|: they are no markup here."""
    for n, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...", ":")):
            lines[n] = _BARE.sub(lambda part: part[1] or "".join(f"\\{sign}" for sign in part[0]), line)


def setup(app):
    """Have Sphinx call ``escape`` once numpydoc has read a docstring."""
    app.connect("autodoc-process-docstring", escape, priority=900)
