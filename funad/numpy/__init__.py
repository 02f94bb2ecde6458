"""The traced namespace: every public name of NumPy, with derivatives where there are any."""

import numpy as _np

from . import fft, linalg
from .creation import *
from .elementwise import *
from .indexing import *
from .manipulation import *
from .products import *
from .reductions import *
from .sorting import *


def __getattr__(name):
    return getattr(_np, name)
