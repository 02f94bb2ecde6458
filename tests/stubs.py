"""Write what editors read of funad.scipy: ``python tests/stubs.py``.

A module of ``funad.scipy`` gets its names while it is loaded, which no editor sees. Its stub says that they
are SciPy's, with SciPy's signatures.
"""

import importlib
import pathlib

import funad.scipy as fscipy

ROOT = pathlib.Path(fscipy.__file__).parent


def stub(name):
    """Return the path and the text of the stub of ``funad.scipy.<name>``."""
    module = importlib.import_module(f"funad.scipy.{name}")
    path = ROOT / name.replace(".", "/")
    lines = "".join(
        f"from scipy.{name} import {public} as {public}\n" for public in sorted({*module.__all__})
    )
    text = f'"""What editors and type checkers see: the names of ``scipy.{name}``."""\n\n{lines}'
    return path / "__init__.pyi" if path.is_dir() else path.with_suffix(".pyi"), text


if __name__ == "__main__":
    for name in fscipy.MODULES:
        path, text = stub(name)
        path.write_text(text, encoding="utf-8")
        print(path)
