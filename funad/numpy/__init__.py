"""The traced namespace: every public name of NumPy, with derivatives where there are any.

Functions of float arrays are primitives, in one file per field. Whatever else NumPy has is passed
through unchanged: the groups below say what, and why no derivative goes through it.
"""

import importlib as _importlib

import numpy as _np

from .calls import *
from .creation import *
from .curves import *
from .elementwise import *
from .filling import *
from .folds import *
from .grids import *
from .indexing import *
from .kinds import *
from .manipulation import *
from .numeric import *
from .padding import *
from .polynomials import *
from .products import *
from .quantiles import *
from .reductions import *
from .sets import *
from .sorting import *
from .statistics import *
from .ufuncs import *
from .versions import lookup
from .views import *

# Constants
from numpy import (  # isort: skip
    False_, True_, e, euler_gamma, inf, little_endian, nan, newaxis, pi,
)  # fmt: skip

# Kinds of numbers, and the words for them: the types that one machine has and another has not
# (float128) come from __getattr__
from numpy import (  # isort: skip
    ScalarType, bool, bool_, byte, bytes_, cdouble, character, clongdouble, complex64, complex128,
    complexfloating, csingle, datetime64, double, dtype, flexible, float16, float32, float64,
    floating, generic, half, inexact, int8, int16, int32, int64, int_, intc, integer, intp, long,
    longdouble, longlong, number, object_, sctypeDict, short, signedinteger, single, str_,
    timedelta64, typecodes, ubyte, uint, uint8, uint16, uint32, uint64, uintc, uintp, ulong,
    ulonglong, unsignedinteger, ushort, void,
)  # fmt: skip

# Questions about those types; they take no arrays
from numpy import (  # isort: skip
    datetime_data, finfo, iinfo, isdtype, issubdtype, mintypecode, promote_types, typename,
)  # fmt: skip

# Classes: arrays and what they are made of, iterators, and functions made from Python's
from numpy import (  # isort: skip
    broadcast, errstate, flatiter, frompyfunc, iterable, matrix, memmap, ndenumerate,
    ndindex, nditer, nested_iters, poly1d, recarray, record, ufunc,
)  # fmt: skip

# Index objects: what stands between the brackets
from numpy import index_exp, s_  # isort: skip

# Bits and days
from numpy import (  # isort: skip
    busday_count, busday_offset, busdaycalendar, datetime_as_string, is_busday, packbits, unpackbits,
)  # fmt: skip

# Files, buffers and text: what is read has no derivative, what is written needs none
from numpy import (  # isort: skip
    from_dlpack, frombuffer, fromfile, fromregex, fromstring, genfromtxt, load, loadtxt, save,
    savetxt, savez, savez_compressed,
)  # fmt: skip

# Printing
from numpy import (  # isort: skip
    base_repr, binary_repr, format_float_positional, format_float_scientific, get_printoptions,
    printoptions, set_printoptions,
)  # fmt: skip

# The state of floating-point errors, and the set-up of NumPy itself
from numpy import (  # isort: skip
    __array_api_version__, __version__, get_include, getbufsize, geterr,
    geterrcall, info, setbufsize, seterr, seterrcall, show_config, show_runtime, test,
)  # fmt: skip

# NumPy's submodules without traced functions: loaded when they are asked for, as there
_SUBMODULES = (
    "char",
    "core",
    "ctypeslib",
    "dtypes",
    "emath",
    "exceptions",
    "f2py",
    "ma",
    "matlib",
    "rec",
    "strings",
    "testing",
    "typing",
)

__all__ = list(_np.__all__)

# Its submodules with traced functions that are loaded late
_LATE = ("fft", "lib", "linalg", "polynomial", "random")

_find, _dir = lookup(_np, globals())


def __getattr__(name):
    if name in _LATE:  # random takes 15 ms, the others one or two each
        return _importlib.import_module(f"{__name__}.{name}")
    return _find(name)


def __dir__():
    return sorted({*_dir(), *_SUBMODULES, *_LATE})
