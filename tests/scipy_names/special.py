"""Calls of scipy.special."""

PROBES = []
REFUSED = {}
