"""Programs: flat lists of NumPy calls, the passes that rewrite them, and source from them."""
