"""Run every example and print a table of the figures reached; with --gallery, draw README.md's pictures."""

import argparse
import ast
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from options import FOLDER, start
from PIL import Image
from tqdm.auto import tqdm

HERE = Path(__file__).parent
GALLERY, README = HERE / "gallery", HERE / "README.md"
START, END = "<!-- gallery: written by run_all.py --gallery -->", "<!-- end of the gallery -->"
NEED_DATA = ("mnist",)  # files that are not here: examples that take --data DIR
FIGURE = re.compile(r"^(.+): (\S+) \(wanted (>=|<=) (\S+)\)$", re.MULTILINE)


class Figure(NamedTuple):
    """A number that an example has reached, and what it was to reach."""

    name: str
    value: float
    sign: str
    bound: float

    @property
    def good(self):
        """Whether it was reached; NaN never is."""
        return self.value >= self.bound if self.sign == ">=" else self.value <= self.bound


class Run(NamedTuple):
    """What came of an example: its name, sentence, figures, picture, seconds, and its error if it failed."""

    name: str
    sentence: str
    figures: list
    picture: Path | None
    seconds: float
    error: str

    @property
    def good(self):
        """Whether it ended, with figures, and all of them reached."""
        return not self.error and bool(self.figures) and all(figure.good for figure in self.figures)


def examples(folder=HERE):
    """Return the examples of a folder by name: the files with a function main, but for this one."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.py"))}
    return {
        path.stem: (path, (ast.get_docstring(tree) or "").partition("\n")[0])
        for path, tree in trees.items()
        if path.stem != "run_all" and any(getattr(node, "name", "") == "main" for node in tree.body)
    }


def figures_of(text):
    """Return the figures that an example has printed."""
    rows = FIGURE.findall(text.replace("|", "\\|"))  # a bar would end a cell of a table
    return [Figure(name, float(value), sign, float(bound)) for name, value, sign, bound in rows]


def spent():
    """Return the seconds of processor time of the examples that have ended; on Windows, of the clock."""
    return perf_counter() if os.name == "nt" else sum(os.times()[2:4])


def run(name, path, sentence, *arguments, **environment):
    """Run an example in a process of its own, on one thread: its matrices are small."""
    began = spent()
    done = subprocess.run(
        [sys.executable, str(path), *arguments],
        env={"OPENBLAS_NUM_THREADS": "1", **os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
    )
    seconds = spent() - began
    picture = re.search(r"^picture: (.+)$", done.stdout, re.MULTILINE)
    error = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return Run(
        name,
        sentence,
        figures_of(done.stdout),
        picture and Path(picture[1]),
        seconds,
        error if done.returncode else "",
    )


def table(runs):
    """Return the figures of all runs as a table in Markdown."""
    lines = [
        "| example | figure | reached | wanted |   | seconds |",
        "| --- | --- | ---: | ---: | --- | ---: |",
    ]
    for ran in runs:
        for n, figure in enumerate(ran.figures):
            name, seconds = (ran.name, f"{ran.seconds:.1f}") if n == 0 else ("", "")
            wanted, said = f"{figure.sign} {figure.bound:g}", "reached" if figure.good else "MISSED"
            lines.append(f"| {name} | {figure.name} | {figure.value:.6g} | {wanted} | {said} | {seconds} |")
        if ran.error or not ran.figures:
            said = ran.error or "no figure printed"
            lines.append(f"| {ran.name} | {said} | | | FAILED | {ran.seconds:.1f} |")
    return "\n".join(lines)


def gallery(runs):
    """Return the gallery in Markdown: each example's picture, sentence, figures and run time."""
    lines = ["| picture | example |", "| --- | --- |"]
    for ran in runs:
        figures = "<br>".join(f"{f.name}: **{f.value:.4g}** ({f.sign} {f.bound:g})" for f in ran.figures)
        image = f'<img src="gallery/{ran.picture.name}" width="520" alt="{ran.name}">'
        about = f"[`{ran.name}.py`]({ran.name}.py)<br>{ran.sentence}<br><br>{figures}<br>{ran.seconds:.0f} s"
        lines.append(f"| {image} | {about} |")
    return "\n".join(lines)


def shrink(path):
    """Save a picture again with 256 colours: a third of the size, and no difference to be seen."""
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, 1, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def run_all(chosen, data, out, small=False):
    """Run the chosen examples, with their pictures in a folder, and return what came of them."""
    with tempfile.TemporaryDirectory() as folder:
        style = Path(folder) / "matplotlibrc"
        style.write_text("savefig.dpi: 90\n")
        runs = []
        for name, (path, sentence) in (bar := tqdm(chosen.items(), unit=" examples")):
            bar.set_postfix_str(name)
            arguments = ["--data", str(data)] if name in NEED_DATA else []
            arguments += ["--out", str(out / f"{name}.png")]
            runs.append(
                run(name, path, sentence, *arguments, **({"MATPLOTLIBRC": str(style)} if small else {}))
            )
    return runs


def main(arguments=None):
    """Run them, print the table and exit with 1 if a figure was missed."""
    found = examples()
    made = argparse.ArgumentParser(prog="run_all.py", description=__doc__)
    made.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(found)}; all if none is given")
    made.add_argument(
        "--data", type=Path, metavar="DIR", help="MNIST's files, without which mnist is left out"
    )
    made.add_argument(
        "--out", type=Path, default=FOLDER, metavar="DIR", help="where the pictures are to be: %(default)s"
    )
    made.add_argument("--gallery", action="store_true", help="draw the pictures and the table of README.md")
    options = made.parse_args(arguments)
    unknown = [name for name in options.names if name not in found]
    if unknown:
        made.error(f"there is no example {', '.join(unknown)}; there are {', '.join(found)}")
    if options.gallery and options.names:
        made.error("the gallery shows all examples: give no NAME with --gallery")
    chosen = {
        name: found[name]
        for name in options.names or found
        if name not in NEED_DATA or options.data is not None
    }
    runs = run_all(chosen, options.data, GALLERY if options.gallery else options.out, options.gallery)
    print(table(runs))
    if left := sorted(set(options.names or found) - set(chosen)):
        print(f"\nleft out, for want of --data DIR: {', '.join(left)}")
    if options.gallery:
        if not all(ran.picture for ran in runs):
            sys.exit("the gallery stays as it is: not all examples came to a picture")
        for ran in runs:
            shrink(ran.picture)
        before, rest = README.read_text(encoding="utf-8").split(START)
        text = f"{before}{START}\n\n{gallery(runs)}\n\n{END}{rest.split(END)[1]}"
        README.write_text(text, encoding="utf-8")
    return 0 if all(ran.good for ran in runs) else 1


if __name__ == "__main__":
    sys.exit(start(main))
