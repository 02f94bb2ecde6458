"""What editors and type checkers see: the modules, each with SciPy's names."""

from . import fft as fft
from . import integrate as integrate
from . import linalg as linalg
from . import ndimage as ndimage
from . import optimize as optimize
from . import signal as signal
from . import special as special
from . import stats as stats
from .serving import serve as serve

MODULES: list[str]
