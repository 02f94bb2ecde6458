"""How arrays of other libraries are computed with: by NumPy's protocols, and of dask's what those leave open.

Loaded with the first of their arrays. ``duck_arrays`` tells them apart, and is there always.

| file | what it has |
| --- | --- |
| ``tasks`` | what a lazy library runs later, on plain arrays |
| ``way_back`` | rules on such arrays |
| ``dask_calls``, ``dask_functions`` | calls of functions on dask arrays |
| ``others`` | calls of functions on arrays of other libraries |
"""

from ..duck_arrays import DUCKS
from ..traces.strong_zeros import LATER
from .dask_calls import call_dask
from .others import call_library
from .way_back import again_later, prepare, rule_later

DUCKS.libraries["dask"] = call_dask
DUCKS.others = call_library
DUCKS.prepare = prepare
DUCKS.again = again_later
LATER[:] = [rule_later]
