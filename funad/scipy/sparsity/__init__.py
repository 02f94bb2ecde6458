"""Sparse Jacobians and Hessians: their patterns, their colourings, and computing them."""
