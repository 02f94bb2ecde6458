"""Interpolation: formulas for what is compiled in scipy.interpolate."""
