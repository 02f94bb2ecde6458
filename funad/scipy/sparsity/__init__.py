"""Sparse Jacobians and Hessians: which entries there are, in how few products they show, and computing them."""
