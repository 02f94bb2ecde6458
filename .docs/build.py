"""Build the documentation: ``python .docs/build.py``. The first page is .docs/html/index.html.

The pages are the Markdown files of funad/docs, one page per public name, made of its docstring, one per
example, with its picture, and the changes. They are put together in .docs/pages, which Sphinx reads. Warnings
are errors.
"""

import ast
import importlib
import pathlib
import re
import shutil
import sys

from sphinx.cmd.build import main as sphinx

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

PAGES, HTML = HERE / "pages", HERE / "html"
# The reference, by subject: a module and the names to describe, or None for all that are public.
FAMILIES = {
    "Gradients": ("funad", ["grad", "value_and_grad", "elementwise_grad", "vjp", "j"]),
    "Forward mode": ("funad", ["jvp", "linearize", "Dual"]),
    "Jacobians and Hessians": (
        "funad",
        [
            *("jacobian", "jacrev", "jacfwd", "value_and_jacobian", "hessian"),
            *("hvp", "vhp", "hessp", "value_grad_and_hvp", "ggnvp"),
        ],
    ),
    "Many examples at once, and compiled": ("funad", ["vmap", "compile"]),
    "Sparse derivatives": ("funad", ["sparsity", "linear_operator"]),
    "Solutions of equations": ("funad", ["implicit", "custom_root"]),
    "Control of what is differentiated": (
        "funad",
        ["stop_gradient", "value", "checkpoint", "custom_vjp", "numerical", "tap"],
    ),
    "Your own primitives": (
        "funad",
        ["primitive", "defvjp", "defjvp", "elementwise", "linear", "defzero", "rules"],
    ),
    "Looking inside": ("funad", ["graph", "debug_nans"]),
    "Containers": ("funad.tree", None),
    "Optimizers": ("funad.optimizers", None),
    "Testing rules": ("funad.testing", None),
}


def write(path, text):
    """Write a page below the folder of pages."""
    (PAGES / path).parent.mkdir(parents=True, exist_ok=True)
    (PAGES / path).write_text(text, encoding="utf-8")


def first_line(found):
    """Return the first sentence of a docstring."""
    return (found.__doc__ or "").strip().partition("\n")[0]


def families():
    """Yield each family with its module and names; what no family lists ends the build."""
    funad = importlib.import_module("funad")
    listed = {name for module, names in FAMILIES.values() if module == "funad" for name in names}
    modules = {"numpy", "scipy", "curried", "errors", "optimizers", "testing", "tree"}
    left = {*funad.__all__} - listed - modules
    if left:
        raise SystemExit(f"no family of .docs/build.py lists {sorted(left)}")
    for title, (module, names) in FAMILIES.items():
        home = importlib.import_module(module)
        yield (
            title,
            home,
            [name for name in names or home.__all__ if not isinstance(getattr(home, name), str)],
        )


def reference():
    """Write a page per public name and the page that lists them all."""
    lines = ["# Reference", "", "Every public name, by what it is for.", ""]
    paths = []
    for title, home, names in families():
        lines += [f"## {title}", "", "| name | gives |", "| --- | --- |"]
        for name in names:
            found, full = getattr(home, name), f"{home.__name__}.{name}"
            directive = "autoclass" if isinstance(found, type) else "autofunction"
            body = f"# {full}\n\n```{{eval-rst}}\n.. {directive}:: {full}\n```\n"
            write(f"reference/{full}.md", body)
            lines.append(f"| [`{full.removeprefix('funad.')}`]({full}.md) | {first_line(found)} |")
            paths.append(full)
        lines.append("")
    lines += [
        "## The namespaces", "",
        "- [`funad.numpy`](numpy.md): NumPy's functions, and what is refused",
        "- [`funad.scipy`](scipy.md): SciPy's, and what is refused",
        "- `funad.curried`: the transformations once more, curried with toolz",
        "- [`funad.errors`](errors.md): every exception, and what the messages say", "",
        "- What is supported: [NumPy](../support.md), [ufuncs](../ufuncs.md), [SciPy](../scipy_support.md), "
        "[dask](../dask_support.md)", "- [Words](glossary.md)", "",
    ]  # fmt: skip
    pages = ["numpy", "scipy", "errors", "glossary"]
    tables = ["../support", "../ufuncs", "../scipy_support", "../dask_support"]
    tree = "\n".join([*pages, *tables, *paths])
    write("reference/index.md", "\n".join(lines) + f"\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n")


def messages():
    """Return what each class of errors says, {class: texts}, read from the source: … is what is filled in."""
    found = {}
    for path in sorted((ROOT / "funad").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            name = "NotDifferentiableError" if name == "_remembered" else name  # of funad/messages.py
            said = node.args[0] if name.endswith("Error") and node.args else None
            if isinstance(said, ast.Constant) and isinstance(said.value, str):
                text = said.value
            elif isinstance(said, ast.JoinedStr):
                text = "".join(part.value if isinstance(part, ast.Constant) else "…" for part in said.values)
            else:
                continue
            text = re.sub("…+", "…", text)
            if len(text.replace("…", "").split()) > 2:  # else it is made elsewhere
                found.setdefault(name, set()).add(text)
    return {name: sorted(texts, key=str.casefold) for name, texts in found.items()}


def anchored(name, texts):
    """Return messages as a list, with an anchor for each: its class and its words."""
    lines, taken = [], set()
    for text in texts:
        words = [*re.findall(r"[a-z0-9]+", text.lower()), *map(str, range(len(texts)))]
        known = ("-".join([name.lower(), *words[:n]]) for n in range(4, len(words) + 1))
        anchor = next(anchor for anchor in known if anchor not in taken)
        taken.add(anchor)
        shown = re.sub(r"([\\`*_\[\]<>$|{}~])", r"\\\1", text)
        lines.append(f'- <span id="{anchor}"></span>{shown} <a class="anchor" href="#{anchor}">#</a>')
    return lines


def exceptions():
    """Write the reference of errors: a section for each class, and in it an anchor for each message."""
    errors = importlib.import_module("funad.errors")
    opening = (
        "Each class is a `FunadError` and the built-in exception that a caller would expect. Below it stand "
        "its messages, with … for the names, shapes and programs that are filled in. "
        "What follows a semicolon is what to write instead."
    )
    text, said = ["# Errors", "", opening, ""], messages()
    for name, found in vars(errors).items():
        if isinstance(found, type) and found.__module__ == errors.__name__:
            bases = " and ".join(f"`{base.__name__}`" for base in found.__bases__)
            text += [f"## {name}", "", f"{found.__doc__} It is a subclass of {bases}.", ""]
            text += [*anchored(name, said.get(name, ())), ""]
    write("reference/errors.md", "\n".join(text))


def lines_of(page):
    """Return the lines of a page of funad/docs."""
    return (ROOT / "funad" / "docs" / page).read_text(encoding="utf-8").splitlines()


def refused_by_numpy(opening):
    """Return an opening and the rows of the support page that refuse something."""
    kept, section = [opening], ""
    for line in lines_of("support.md"):
        if line.startswith("## "):
            section = line
        elif line.startswith("| `") and "refused" in line:
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if section:
                kept += ["", section, "", "| name | refused |", "| --- | --- |"]
                section = ""
            kept.append(f"| {cells[0]} | {cells[-1].removeprefix('refused: ')} |")
    return "\n".join(kept) + "\n"


def refused_by_scipy(opening):
    """Return an opening and, by module, what the support page of SciPy lists as refused, with the reasons."""
    kept, section, reasons = [opening], "", False
    for line in lines_of("scipy_support.md"):
        if line.startswith("## "):
            section = line
        if not line.startswith("- "):
            reasons = line.startswith("Refused on") or (reasons and not line)
            continue
        if reasons or line.startswith("- Without a rule"):
            if section:
                kept += ["", section, ""]
                section = ""
            names = line.removeprefix("- Without a rule: refused on a traced value: ")
            kept.append(line if names == line else f"- {names}: no rule")
    return "\n".join(kept) + "\n"


OF_NUMPY = """# funad.numpy

`import funad.numpy as np` has every public name of NumPy, with NumPy's signatures. On plain arrays each is
NumPy's own function. On traced values all have derivatives, in both modes and to every order, but for what
this page lists: functions and options that are refused by name.

[The whole table](../support.md) says of every function in which arguments it is differentiable;
[ufuncs](../ufuncs.md) have a page of their own."""
OF_SCIPY = """# funad.scipy

`funad.scipy` has SciPy's modules under their own names, with every public name of theirs. On plain arrays
each is SciPy's own. On traced values all have derivatives, but for what this page lists.

[For users of SciPy](../scipy.md) says how to use them; [the whole table](../scipy_support.md) says how each
derivative is had."""


def namespaces():
    """Write the pages of the namespaces: what is refused, and where everything is listed."""
    write("reference/numpy.md", refused_by_numpy(OF_NUMPY))
    write("reference/scipy.md", refused_by_scipy(OF_SCIPY))


# What of the name of an example is written otherwise in a title.
WORDS = {
    "hmc": "HMC", "lstm": "LSTM", "mnist": "MNIST", "rnn": "RNN", "vae": "VAE", "cg": "CG", "tanh": "tanh",
    "volterra": "and Volterra", "fizzbuzz": "FizzBuzz", "convnet": "Convolutional network",
}  # fmt: skip


def titled(name):
    """Return the title of an example."""
    first, *rest = [WORDS.get(word, word) for word in name.split("_")]
    return " ".join([first if first == "tanh" else first[:1].upper() + first[1:], *rest])


def gallery():
    """Write a page per example, with its picture and its text, and the page that shows them all."""
    cells = []
    for path in sorted((ROOT / "examples").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.stem == "run_all" or not any(
            isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body
        ):
            continue
        sentence = (ast.get_docstring(tree) or "").partition("\n")[0]
        picture = ROOT / "examples" / "gallery" / f"{path.stem}.png"
        body = f"# {titled(path.stem)}\n\n{sentence}\n\n"
        if picture.exists():
            shutil.copy(picture, PAGES / "gallery" / picture.name)
            body += f"![{sentence}]({picture.name})\n\n"
            cells.append(
                f":::{{grid-item-card}} {titled(path.stem)}\n:link: {path.stem}\n"
                f":link-type: doc\n:img-top: {picture.name}\n\n{sentence}\n:::\n"
            )
        code = path.read_text(encoding="utf-8")
        write(f"gallery/{path.stem}.md", f"{body}```python\n{code}```\n")
    names = "\n".join(sorted(path.stem for path in (PAGES / "gallery").glob("*.md")))
    write(
        "gallery/index.md",
        "# Gallery\n\nEach is one idea in one file, and ends in figures with the bounds they are to keep.\n\n"
        "::::{grid} 1 2 3 3\n:gutter: 3\n\n" + "\n".join(cells) + "::::\n\n"
        f"```{{toctree}}\n:hidden:\n\n{names}\n```\n",
    )  # fmt: skip


def put_together():
    """Make the folder of pages anew."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(ROOT / "funad" / "docs", PAGES)
    (PAGES / "gallery").mkdir(exist_ok=True)
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    write("changes.md", re.sub(r"`funad/docs/(\w+)\.md`", r"[\1](\1.md)", changes))
    reference()
    exceptions()
    namespaces()
    gallery()


if __name__ == "__main__":
    put_together()
    command = ["-W", "--keep-going", "-q", "-b", "html", "-c", str(HERE), str(PAGES), str(HTML)]
    sys.exit(sphinx([*command, *sys.argv[1:]]))
