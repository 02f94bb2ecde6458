"""What to write in the place of functions that would lose a derivative: one table."""

from __future__ import annotations

PLAIN = "stop_gradient(x) where the derivative is not wanted"
LOOK = "give it value(x), from funad: what is shown, logged or stored needs no derivative"
JSON = "give it value(x), from funad, of an array value(x).tolist(): what is stored needs no derivative"

# The classes of numpy.polynomial, with the module of each and what the names of its functions start with.
_FAMILIES = (
    ("Polynomial", "polynomial", "poly"), ("Chebyshev", "chebyshev", "cheb"), ("Legendre", "legendre", "leg"),
    ("Hermite", "hermite", "herm"), ("HermiteE", "hermite_e", "herme"), ("Laguerre", "laguerre", "lag"),
)  # fmt: skip


def _of_polynomials() -> dict[str, str]:
    """Return what to write instead of the classes of numpy.polynomial: the functions of its modules."""
    texts = {}
    for kind, module, start in _FAMILIES:
        value = f"np.polynomial.{module}.{start}val(t, coefficients)"
        of_domain = (
            "(with domain= and window= given, at window[0] + (t - domain[0]) * (window[1] - window[0]) / "
            "(domain[1] - domain[0]) for t)"
        )
        fit = f"np.polynomial.{module}.{start}fit(x, y, degree)"
        roots = f"np.polynomial.{module}.{start}fromroots(roots)"
        for name in (f"numpy.polynomial.{kind}", f"numpy.polynomial.{module}.{kind}"):
            texts[name] = f"write {value} {of_domain}"
            texts[f"{name}.fit"] = f"write coefficients = {fit} and {value}"
            texts[f"{name}.fromroots"] = f"write coefficients = {roots} and {value}"
    return texts


_POLYNOMIALS = _of_polynomials()
_OPERATORS = (
    "AdjointLinearOperator", "IdentityOperator", "LinearOperator", "MatrixLinearOperator", "LaplacianNd",
    "_AdjointLinearOperator", "_CustomLinearOperator", "_PowerLinearOperator", "_ProductLinearOperator",
    "_ScaledLinearOperator", "_SumLinearOperator", "_TransposedLinearOperator",
)  # fmt: skip
_MATRICES = tuple(
    f"{format}_{form}"
    for format in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
    for form in ("array", "matrix")
)
_PRODUCT = (
    "wrap the product and its transpose: product = funad.primitive(lambda x: A @ x), "
    "back = funad.primitive(lambda y: A.T @ y), funad.linear(product, lambda y, ybar, x: back(ybar)), "
    "funad.linear(back, lambda x, xbar, y: product(xbar))"
)

OF_NAN = "write np.where(np.isnan(x), value, x) after import funad.numpy as np"
WINDOWS = tuple(f"numpy.{name}" for name in ("bartlett", "blackman", "hamming", "hanning"))

# What to write instead: of the longest name that the function's own starts with.
INSTEAD = {
    "math.dist": "write np.linalg.norm(np.array(a) - np.array(b))",
    "math.fsum": "write np.sum(np.array(x))",
    "math.hypot": "write np.linalg.norm(np.array([a, b]))",
    "math.isclose": "write math.isclose(value(a), value(b)), with value from funad",
    "math.log": "write np.log(x), or np.log(x) / np.log(base) for math.log(x, base),",
    "math.remainder": "write a - b * np.round(a / b)",
    "math.pow": "write a**b",
    **{
        f"math.{name}": f"write funad.scipy.special.{ours}(x) after import funad.scipy.special"
        for name, ours in (("erf", "erf"), ("erfc", "erfc"), ("gamma", "gamma"), ("lgamma", "gammaln"))
    },
    "cmath": "write x + 0j and the function of funad.numpy",
    **dict.fromkeys(WINDOWS, "give it a whole number of points, int(stop_gradient(M))"),
    "numpy.frompyfunc": "write np.stack([f(t) for t in x])",
    "numpy.fromiter": "write np.array(list(iterable))",
    "numpy.ma": "write np.where(mask, 0, x), or x[~mask]",
    "numpy.matrix": "write np.array(...) of arrays, and @",
    "numpy.asmatrix": "write np.array(...) and @",
    "numpy.bmat": "write np.block(...)",
    "numpy.nditer": "write for t in np.ravel(x)",
    "numpy.ndenumerate": "write for index in np.ndindex(x.shape), and x[index]",
    "numpy.broadcast": "write np.broadcast_arrays(a, b)",
    "numpy.poly1d": "write sum(c * t**n for n, c in enumerate(coefficients[::-1]))",
    **_POLYNOMIALS,
    "numpy.r_": "write np.concatenate([...]) or np.stack([...])",
    "numpy.c_": "write np.column_stack([...])",
    "numpy.mgrid": "write np.meshgrid(..., indexing='ij')",
    "numpy.testing": "compare value(x), from funad",
    "numpy.random": "draw with plain parameters and transform what was drawn: mean + sd * rng.normal(size=n)",
    "numpy.lib.stride_tricks.as_strided": "write sliding_window_view(x, window_shape), or x[index] with "
    "an array of positions",
    "numpy.vectorize": "write np.stack([f(t) for t in x])",
    "random": "draw with plain parameters and transform what was drawn: mean + sd * random.gauss(0.0, 1.0)",
    "random.choices": "compute the expectation from the weights",
    "scipy.optimize.linear_sum_assignment": "write "
    "rows, columns = linear_sum_assignment(stop_gradient(cost)) and go on with cost[rows, columns]",
    **{f"scipy.sparse.{kind}.multiply": "write scipy.sparse.csr_array(A) * x" for kind in _MATRICES},
    **{f"scipy.sparse.{kind}.dot": "write A @ x" for kind in _MATRICES},
    **{f"scipy.sparse.linalg.{name}": _PRODUCT for name in _OPERATORS},
    "statistics.correlation": "write np.corrcoef(np.array(x), np.array(y))[0, 1]",
    "statistics.covariance": "write np.cov(np.array(x), np.array(y))[0, 1]",
    "statistics.fmean": "write np.mean(np.array(x)), or np.average(np.array(x), weights=np.array(w))",
    "statistics.geometric_mean": "write np.exp(np.mean(np.log(np.array(x))))",
    "statistics.harmonic_mean": "write 1 / np.mean(1 / np.array(x))",
    "statistics.linear_regression": "write slope, intercept = np.polyfit(np.array(x), np.array(y), 1)",
    "statistics.NormalDist": "write funad.scipy.stats.norm(mean, deviation) after import funad.scipy.stats",
    "statistics.mean": "write np.mean(np.array(x))",
    "statistics.pstdev": "write np.std(np.array(x))",
    "statistics.pvariance": "write np.var(np.array(x))",
    "statistics.stdev": "write np.std(np.array(x), ddof=1)",
    "statistics.variance": "write np.var(np.array(x), ddof=1)",
}  # fmt: skip


def instead_of(name: str) -> str:
    """Return what the table says of a function, or of what it stands in."""
    name = f"{name.removeprefix('funad.')}."
    text = INSTEAD.get(
        max((known for known in INSTEAD if name.startswith(f"{known}.")), key=len, default=""), ""
    )
    return f"{text} after import funad.numpy as np" if "np." in text else text
