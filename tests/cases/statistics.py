"""Where to draw the arguments of funad.numpy.statistics from."""

CASES = {}
