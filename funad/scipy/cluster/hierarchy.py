"""``scipy.cluster.hierarchy`` on traced values: trees of clusters are made of plain numbers."""

import types as _types

from scipy.cluster import hierarchy as _hierarchy

from ..calls import refused as _refused

__all__ = list(_hierarchy.__all__)

WHY = "a tree of clusters is made of plain numbers: its merges are searched for"
for _name in __all__:
    _found = getattr(_hierarchy, _name)
    if isinstance(_found, _types.FunctionType):
        _found = _refused(_found, f"scipy.cluster.hierarchy.{_name}", WHY)
    globals()[_name] = _found


def __getattr__(name):
    return getattr(_hierarchy, name)
