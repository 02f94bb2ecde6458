"""grad and its kin: which argument, containers, types, decorators, pickling."""

import collections
import dataclasses
import functools
import inspect
import pickle

import numpy as onp
import pytest
import scipy.optimize
from toolz import pipe

import funad
import funad.numpy as np
from funad import curried, elementwise_grad, grad, stop_gradient, transforms, value_and_grad, vjp
from funad.errors import ArgumentError, CotangentError, NonScalarOutputError

from .memory import peak_memory


def product(a, b, scale=1.0):
    """Return a·b², scaled."""
    return scale * a * b**2


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


module_grad = grad(product)


@grad
def decorated(x):
    """Return x³."""
    return x**3


# --- which argument


@pytest.mark.parametrize(("argnums", "wanted"), [(0, 9.0), (1, 12.0), (-1, 12.0), ("a", 9.0), ("b", 12.0)])
def test_argnums_is_a_position_or_a_name(argnums, wanted):
    assert grad(product, argnums)(2.0, 3.0) == wanted


def test_argnums_may_be_a_tuple_of_positions_and_names():
    assert grad(product, (1, "a"))(2.0, 3.0) == (12.0, 9.0)
    assert grad(product, (0,))(2.0, 3.0) == (9.0,)


def test_named_argument_may_be_passed_by_keyword():
    assert grad(product, "scale")(2.0, 3.0, scale=5.0) == 18.0
    assert grad(product)(a=2.0, b=3.0) == 9.0


def test_keyword_arguments_pass_through():
    assert grad(product)(2.0, 3.0, scale=10.0) == 90.0


def test_a_negative_argnum_beside_arguments_by_name_is_refused():
    assert grad(product, -1)(2.0, 3.0) == 12.0
    assert grad(lambda a, b, *, scale: a * b * scale, -1)(2.0, 3.0, scale=10.0) == 20.0
    with pytest.raises(ArgumentError, match=r"argnums=-1 counts from the last .* by name \(scale\); name"):
        grad(product, -1)(2.0, 3.0, scale=10.0)


def test_keywords_may_have_any_name():
    def power(x, self=1.0, f=2.0, args=0.0):
        return self * x**f + args

    options = {"self": 5.0, "f": 3.0, "args": 7.0}
    assert grad(power)(2.0, **options) == elementwise_grad(power)(2.0, **options) == 60.0
    assert vjp(power, 2.0, **options)[1](1.0) == curried.vjp(power)(2.0, **options)[1](1.0) == 60.0
    assert transforms.jvp(power, (2.0,), (1.0,), **options)[1] == 60.0
    assert transforms.linearize(power, 2.0, **options)[1](1.0) == 60.0
    assert transforms.j(power)(47.0, 1.0, 2.0, **options) == 60.0


@pytest.mark.parametrize("argnums", [2, -3, 5])
def test_argnums_beyond_the_arguments_is_an_error(argnums):
    with pytest.raises(ArgumentError, match=f"argnums={argnums}.*2 positional"):
        grad(product, argnums)(2.0, 3.0)


def test_argnums_of_an_unknown_name_is_an_error():
    with pytest.raises(ArgumentError, match="no such argument; it has a, b, scale"):
        grad(product, "c")(2.0, 3.0)


@pytest.mark.parametrize("argnums", [1.5, None, True, (), (0, None), (0, 0)])
def test_argnums_of_the_wrong_kind_is_an_error(argnums):
    with pytest.raises(ArgumentError, match="argnums"):
        grad(product, argnums)


@pytest.mark.parametrize("argnums", [(0, "a"), (0, -2), ("b", 1), ("a", "b", -1)])
def test_argnums_that_mean_one_argument_twice_are_an_error(argnums):
    with pytest.raises(ArgumentError, match="names an argument twice"):
        grad(product, argnums)(2.0, 3.0)


def test_a_name_is_never_taken_for_one_of_further_arguments():
    def f(a, *rest, scale=1.0, **options):
        return a * scale + sum(n * x for n, x in enumerate(rest, 1)) + options.get("shift", 0.0)

    assert grad(f, ("scale", 1, -1))(2.0, 3.0, 4.0, scale=5.0) == (2.0, 1.0, 2.0)
    assert grad(f, ("a", "shift"))(2.0, 3.0, shift=1.0) == (1.0, 1.0)
    for argnums, said in {
        "scale": "was called without this argument",
        "rest": r"\*rest of f is any number of arguments; give their positions, from 1 on",
        "options": r"\*\*options of f is any number of arguments; give their names",
    }.items():
        with pytest.raises(ArgumentError, match=said):
            grad(f, argnums)(2.0, 3.0, 4.0, shift=1.0)


def test_a_name_asked_of_a_function_that_shows_none_is_an_error():
    with pytest.raises(ArgumentError, match="max does not show the names of its arguments; give its pos"):
        grad(max, "a")(1.0, 2.0)
    with pytest.raises(ArgumentError, match="has no such argument; it has none"):
        grad(lambda: 1.0, "a")()
    assert grad(max, 1)(1.0, 2.0) == 1.0


def test_names_of_decorated_functions():
    def timed(f):
        @functools.wraps(f)
        def wrapper(*args, **kwargs):
            return f(*args, **kwargs)

        return wrapper

    def scaled(f):
        @functools.wraps(f)
        def wrapper(scale, *args):
            return scale * f(*args)

        return wrapper

    if hasattr(onp.multiply, "__signature__"):  # NumPy's own names, from 2.4 on
        assert grad(np.multiply, "x2")(2.0, 3.0) == 2.0
    assert grad(timed(product), ("b", "a"))(2.0, 3.0) == (12.0, 9.0)
    assert grad(scaled(product), "scale")(5.0, 2.0, 3.0) == 18.0
    with pytest.raises(ArgumentError, match="wrapped in a function of other arguments; give its position"):
        grad(scaled(product), "b")(5.0, 2.0, 3.0)
    assert grad(scaled(product), 2)(5.0, 2.0, 3.0) == 60.0


def test_argnums_may_be_integers_of_numpy():
    assert [grad(product, n)(2.0, 3.0) for n in onp.arange(2)] == [9.0, 12.0]
    assert grad(product, tuple(onp.arange(2)))(2.0, 3.0) == (9.0, 12.0)


def test_grad_of_what_is_no_function_is_an_error():
    with pytest.raises(ArgumentError, match=r"write grad\(f\)\(x\)"):
        grad(3.0)


# --- values beside the gradient


def test_value_and_grad_returns_both():
    value, gradient = value_and_grad(product)(2.0, 3.0)
    assert (value, gradient) == (18.0, 9.0)


def test_has_aux_passes_values_along():
    f = lambda x: (x**2, {"double": 2 * x, "name": "square"})
    assert grad(f, has_aux=True)(3.0) == (6.0, {"double": 6.0, "name": "square"})
    (value, aux), gradient = value_and_grad(f, has_aux=True)(3.0)
    assert (value, aux["double"], gradient) == (9.0, 6.0, 6.0)
    y, vjp_f, aux = vjp(f, 3.0, has_aux=True)
    assert (y, vjp_f(1.0), aux["name"]) == (9.0, 6.0, "square")


def test_has_aux_without_a_pair_is_an_error():
    with pytest.raises(ArgumentError, match=r"pair \(y, aux\)"):
        grad(lambda x: x**2, has_aux=True)(3.0)


def test_vjp_may_be_pulled_back_many_times():
    y, vjp_f = vjp(lambda x: np.sin(x) * x, onp.array([0.5, 1.0]))
    once, again = vjp_f(onp.array([1.0, 0.0])), vjp_f(onp.array([1.0, 0.0]))
    assert onp.array_equal(once, again) and once[1] == 0.0
    assert once[0] == pytest.approx(onp.sin(0.5) + 0.5 * onp.cos(0.5))


def test_vjp_of_several_primals_returns_a_tuple():
    y, vjp_f = vjp(product, 2.0, 3.0)
    assert y == 18.0 and vjp_f(1.0) == (9.0, 12.0)
    y, vjp_f = vjp(product, 2.0, 3.0, argnums=1, scale=2.0)
    assert y == 36.0 and vjp_f(1.0) == 24.0


def test_vjp_of_containers_takes_cotangents_of_the_same_structure():
    y, vjp_f = vjp(lambda p: {"s": p[0] + p[1], "d": (p[0] - p[1],)}, [1.0, 2.0])
    assert y == {"s": 3.0, "d": (-1.0,)}
    assert vjp_f({"s": 1.0, "d": (10.0,)}) == [11.0, -9.0]
    with pytest.raises(CotangentError, match="structure"):
        vjp_f({"s": 1.0})


def test_vjp_refuses_a_cotangent_of_another_shape():
    _, vjp_f = vjp(np.sin, onp.zeros(3))
    with pytest.raises(CotangentError, match=r"shape \(3,\).*shape \(2,\)"):
        vjp_f(onp.zeros(2))


def test_vjp_of_an_output_returned_twice_adds_both_cotangents():
    _, vjp_f = vjp(lambda x: (x, x, 2 * x), 1.0)
    assert vjp_f((1.0, 10.0, 100.0)) == 211.0


def test_elementwise_grad():
    x = onp.linspace(-1, 1, 5)
    assert onp.allclose(elementwise_grad(np.sin)(x), onp.cos(x))
    assert onp.allclose(elementwise_grad(elementwise_grad(elementwise_grad(np.sin)))(x), -onp.cos(x))
    assert elementwise_grad(lambda x, y: x * y, argnums=1)(3.0, 2.0) == 3.0


def test_stop_gradient_reaches_into_containers():
    def f(p):
        q = stop_gradient(p)
        return p["a"] * q["a"] * q["b"][0]

    assert grad(f)({"a": 3.0, "b": [5.0]}) == {"a": 15.0, "b": [0.0]}
    assert isinstance(stop_gradient(2.0), float)


def test_stop_gradient_stops_every_level():
    assert grad(lambda x: grad(lambda y: stop_gradient(x) * y**2)(x))(3.0) == 6.0


# --- spaces


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128", "float16", "longdouble"])
@pytest.mark.parametrize("shape", [(), (3,), (0,), (2, 1, 3)])
def test_gradient_has_the_shape_and_dtype_of_x(shape, dtype):
    x = onp.ones(shape, dtype)
    gradient = grad(lambda x: np.sum(np.real(np.sin(x) * 2 + x)))(x)
    assert isinstance(gradient, onp.ndarray) and gradient.shape == shape and gradient.dtype == dtype


def test_gradient_of_a_python_float_is_a_float():
    assert type(grad(lambda x: x * x + 2 * x)(3.0)) is float
    assert isinstance(grad(np.sin)(3.0), float)
    assert type(grad(lambda x: x * x)(onp.float32(3))) is onp.float32


@pytest.mark.parametrize("x", [3, onp.int64(3), onp.array(3)])
def test_integers_become_float64(x):
    gradient = grad(lambda x: x**2 / 4)(x)
    assert gradient == 1.5 and onp.asarray(gradient).dtype == onp.float64


def test_integer_arrays_become_float64():
    gradient = grad(lambda x: np.sum(x**2))(onp.array([1, 2], "int32"))
    assert gradient.dtype == onp.float64 and gradient.tolist() == [2.0, 4.0]


def test_gradient_in_what_f_does_not_use_is_zero():
    x = onp.ones((2, 3), onp.float32)
    gradient = grad(lambda x: 1.0)(x)
    assert gradient.shape == (2, 3) and gradient.dtype == onp.float32 and not gradient.any()
    assert grad(lambda x, y: y, 0)(1.0, 2.0) == 0.0
    assert grad(lambda x: np.sum(np.floor(x)))(onp.array([1.5])).tolist() == [0.0]
    assert grad(lambda p: p["used"] ** 2)({"used": 3.0, "unused": [onp.ones(2)]})["unused"][0].tolist() == [
        0,
        0,
    ]


def test_float64_constants_do_not_promote_a_float32_gradient():
    gradient = grad(lambda x: np.sum(x * onp.arange(3.0)))(onp.ones(3, onp.float32))
    assert gradient.dtype == onp.float32


def test_gradients_may_be_written_to_and_share_no_memory():
    a, b = grad(lambda a, b: np.sum(a + b), (0, 1))(onp.ones(3), onp.ones(3))
    a[0] = 7.0
    assert b.tolist() == [1, 1, 1]
    gradient = grad(np.sum)(onp.ones((2, 2)))
    gradient += 1
    assert gradient.tolist() == [[2, 2], [2, 2]]


def test_a_cotangent_of_the_callers_is_not_handed_back():
    ybar = onp.ones(3)
    _, vjp_f = vjp(lambda x: x + 1, onp.zeros(3))
    vjp_f(ybar)[0] = 5.0
    _, identity = vjp(lambda x: x, onp.zeros(3))
    identity(ybar)[0] = 5.0
    assert ybar.tolist() == [1, 1, 1]


def test_arguments_are_never_changed():
    x = onp.array([1.0, 2.0])
    x.flags.writeable = False
    assert grad(lambda x: np.sum(x * x) + x[0] + np.sum(x))(x).tolist() == [4.0, 5.0]


@pytest.mark.parametrize(
    "x",
    [
        onp.asfortranarray(onp.arange(6.0).reshape(2, 3)),
        onp.arange(6.0).reshape(2, 3)[:, ::-1],
        onp.arange(12.0).reshape(2, 6)[:, ::2],
        onp.broadcast_to(onp.arange(3.0), (2, 3)),
        onp.zeros((0, 3)),
        onp.zeros((2, 0)),
    ],
)
def test_any_memory_layout_will_do(x):
    assert onp.allclose(grad(lambda x: np.sum(np.sin(x) ** 2))(x), onp.sin(2 * x))


# --- containers

Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Model:
    weights: list
    bias: float
    scale: dataclasses.InitVar[int] = 0


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: float
    b: Point


def test_gradient_in_nested_containers():
    x = {"list": [1.0, (2.0, onp.array([3.0, 4.0]))], "point": Point(5.0, 6.0)}

    def f(p):
        return p["list"][0] * p["list"][1][0] + np.sum(p["list"][1][1] ** 2) + p["point"].x * p["point"].y

    gradient = grad(f)(x)
    assert gradient["list"][0] == 2.0 and gradient["list"][1][0] == 1.0
    assert gradient["list"][1][1].tolist() == [6.0, 8.0] and gradient["point"] == Point(6.0, 5.0)
    assert isinstance(gradient["point"], Point) and isinstance(gradient["list"][1], tuple)


def test_gradient_in_dataclasses():
    gradient = grad(lambda m: m.weights[0] * m.bias)(Model([2.0], 3.0))
    assert isinstance(gradient, Model) and (gradient.weights, gradient.bias) == ([3.0], 2.0)
    assert grad(lambda m: m.a * m.b.x)(Frozen(2.0, Point(3.0, 1.0))) == Frozen(3.0, Point(2.0, 0.0))


def test_containers_and_numbers_as_several_arguments():
    first, second = grad(lambda p, x: p["w"] * x, (0, 1))({"w": 2.0}, 3.0)
    assert first == {"w": 3.0} and second == 2.0


def test_empty_containers_have_empty_gradients():
    assert grad(lambda p, x: x, (0, 1))([], 1.0) == ([], 1.0)


# --- function objects


def test_derivatives_look_like_their_function():
    derivative = grad(product)
    assert derivative.__name__ == "product" and derivative.__doc__ == product.__doc__
    assert inspect.signature(derivative) == inspect.signature(product)
    assert "product" in repr(derivative)


@pytest.mark.parametrize("transform", [grad, value_and_grad, elementwise_grad])
def test_every_transform_keeps_name_doc_and_signature_and_pickles(transform):
    derivative = transform(product, "b")
    assert (derivative.__name__, derivative.__doc__) == (product.__name__, product.__doc__)
    assert inspect.signature(derivative) == inspect.signature(product)
    assert pickle.loads(pickle.dumps(derivative))(2.0, 3.0) == derivative(2.0, 3.0)


def test_decorated_functions_pickle_by_name():
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    assert pickle.loads(pickle.dumps(module_grad))(2.0, 3.0) == 9.0
    assert pickle.loads(pickle.dumps(grad(grad(rosenbrock_1d))))(1.0) == grad(grad(rosenbrock_1d))(1.0)


@pytest.mark.parametrize(
    "f", [np.sin, np.add, np.sum, np.split, np.linalg.det, np.fft.fft, np.where, np.array]
)
def test_the_functions_of_the_namespace_pickle(f):
    assert pickle.loads(pickle.dumps(f)) is f
    pickle.loads(pickle.dumps(grad(f)))


def rosenbrock_1d(x):
    return 100.0 * (1 - x**2) ** 2 + (1 - x) ** 2


def test_transforms_work_as_decorators():
    assert decorated(2.0) == 12.0 and decorated.__doc__ == "Return x³."

    @curried.value_and_grad(argnums=1)
    def f(a, b):
        return a * b

    assert f(2.0, 3.0) == (6.0, 2.0)


def test_a_derivative_in_a_class_is_a_method():
    class Spring:
        stiffness = 4.0

        def energy(self, x):
            return self.stiffness * x**2 / 2

        force = grad(energy, argnums=1)

    assert Spring().force(3.0) == 12.0


def test_curried_transforms():
    assert pipe(product, curried.grad(argnums=1))(2.0, 3.0) == 12.0
    assert pipe(product, curried.grad(argnums=1), curried.grad(argnums=0))(2.0, 3.0) == 6.0

    @curried.grad(has_aux=True)
    def f(x):
        return x**2, "aux"

    assert f(3.0) == (6.0, "aux")
    y, vjp_f = curried.vjp(np.sin)(0.0)
    assert vjp_f(2.0) == 2.0


def test_every_transformation_of_a_function_has_a_curried_form():
    of_values = {"stop_gradient", "tap", "value"}
    assert set(curried.__all__) == set(transforms.__all__) - of_values
    for name in curried.__all__:
        assert getattr(curried, name).func.__name__.strip("_") == name
    assert pipe(product, curried.hessian(argnums=1))(2.0, 3.0) == 4.0
    assert pipe(product, curried.hvp(argnums="b"))(2.0, 3.0, 1.0) == 4.0
    assert pipe(product, curried.jacobian, curried.jacfwd(argnums=1))(2.0, 3.0) == 6.0
    assert pipe(np.multiply, curried.j(argnum=1))(6.0, 1.0, 2.0, 3.0) == 2.0
    assert curried.jvp(product)((2.0, 3.0))((1.0, 0.0)) == (18.0, 9.0)
    assert curried.linearize(product)(2.0, 3.0)[1](0.0, 1.0) == 12.0
    assert curried.vjp(argnums=1)(product)(2.0, 4.0)[1](1.0) == 16.0
    assert pipe(lambda x: x**3, curried.numerical(order=4), curried.checkpoint, curried.grad)(2.0) > 11.99
    assert pickle.loads(pickle.dumps(curried.vjp(product, argnums=1)))(2.0, 3.0)[1](1.0) == 12.0


@pytest.mark.parametrize(
    "run",
    [
        lambda f: curried.vjp(f)(1.0),
        lambda f: curried.linearize(f)(1.0),
        lambda f: curried.jvp(f, (1.0,))((1.0,)),
        lambda f: curried.grad(f)(1.0),
    ],
)
def test_an_error_in_a_curried_function_is_not_taken_for_a_missing_argument(run):
    with pytest.raises(TypeError, match="NoneType"):
        run(lambda x: x + None)


def test_bound_methods_lambdas_and_builtins_can_be_differentiated():
    class Line:
        def at(self, x):
            return 3.0 * x

    assert grad(Line().at)(1.0) == 3.0
    assert grad(np.exp)(0.0) == 1.0
    assert grad(funad.numpy.linalg.det)(onp.eye(2)).tolist() == [[1, 0], [0, 1]]


def test_scipy_minimize_takes_value_and_grad():
    result = scipy.optimize.minimize(value_and_grad(rosenbrock), onp.zeros(5), jac=True, method="BFGS")
    assert result.success and onp.allclose(result.x, 1.0, atol=1e-4)


# --- memory


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_gradient_of_a_network_keeps_what_must_live(dtype):
    images = onp.ones((4096, 20), dtype)
    parameters = {
        "w1": onp.full((20, 100), 0.01, dtype),
        "b1": onp.zeros(100, dtype),
        "w2": onp.ones(100, dtype),
    }

    def loss(p):
        return np.mean(np.tanh(images @ p["w1"] + p["b1"]) @ p["w2"])

    hidden = onp.zeros((4096, 100), dtype).nbytes
    gradient = grad(loss)
    gradient(parameters)
    # h, h̄, 1 - h² and the product of the last two; neither x @ w1 nor x @ w1 + b1.
    # The tape has a copy of the images.
    assert peak_memory(lambda: gradient(parameters)) < 4.2 * hidden + images.nbytes


def test_what_no_rule_reads_is_not_kept():
    big = onp.ones(100_000)

    def f(x):
        for _ in range(50):
            x = -(2.0 * x + 1.0) / 2.0
        return np.sum(x)

    assert peak_memory(lambda: grad(f)(big)) < 5 * big.nbytes


def test_the_way_back_frees_as_it_goes():
    big = onp.ones(100_000)

    def f(x):
        for _ in range(30):
            x = np.sin(x)
        return np.sum(x)

    # The 30 arguments of sin, and on the way back ȳ, cos(x) and their product.
    assert peak_memory(lambda: grad(f)(big)) < 34 * big.nbytes


DISCRETE = [
    lambda x: np.allclose(x, x / 3 * 3), lambda x: x[0] > 1.0, np.argmax, lambda x: 3,
    lambda x: np.sum(x > 1.0), lambda x: np.array([1, 2]) * np.argmax(x), lambda x: len(x),
]  # fmt: skip


@pytest.mark.parametrize("f", DISCRETE)
@pytest.mark.parametrize(
    "transform", [grad, value_and_grad, elementwise_grad, *(getattr(funad, name) for name in
    ("hessian", "jacobian", "jacrev", "jacfwd", "value_and_jacobian"))],
)  # fmt: skip
def test_the_gradient_of_a_boolean_or_an_integer_is_refused(transform, f):
    x = onp.array([1.0, 2.0])
    with pytest.raises(NonScalarOutputError, match=r"returned (booleans|integers) .*1\.0 \* y"):
        transform(f)(x)
    followed = lambda x: np.sum(1.0 * f(x))  # what the message says
    assert not onp.any(grad(followed)(x)) and not onp.any(funad.hessian(followed)(x))


def test_integers_beside_floats_have_zeros():
    found = funad.jacobian(lambda x: {"n": 3, "y": 2 * x})(2.0)
    assert found == {"n": 0.0, "y": 2.0}


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.stack([x[0] ** 2 * x[1], np.sin(x[1]), x[0]]),
        lambda x: {"a": np.outer(x, x**2), "b": x[0] ** 3},
        lambda x: (np.sin(x), np.sum(x)),
        lambda x: x[:0] * x[0],
        lambda x: np.zeros(3),
    ],
)  # fmt: skip
def test_the_hessian_of_several_numbers_is_the_jacobian_of_their_jacobian(f):
    x = onp.array([0.5, 2.0])
    found, wanted = funad.hessian(f)(x), funad.jacobian(funad.jacobian(f))(x)
    assert funad.tree.flatten(found)[1] == funad.tree.flatten(wanted)[1]
    for a, b in zip(funad.tree.flatten(found)[0], funad.tree.flatten(wanted)[0], strict=True):
        assert a.shape == b.shape
        onp.testing.assert_allclose(a, b)


def test_the_hessian_of_a_vector_over_several_arguments_and_containers():
    f = lambda x, y: np.sin(x) * y
    x = onp.array([0.5, 2.0])
    blocks = funad.hessian(f, (0, 1))(x, 2.0)
    assert [[block.shape for block in row] for row in blocks] == [[(2, 2, 2), (2, 2)], [(2, 2), (2,)]]
    of_dict = funad.hessian(lambda p: f(p["x"], p["y"]))({"x": x, "y": 2.0})
    onp.testing.assert_allclose(of_dict["x"]["y"], onp.diag(onp.cos(x)))


def test_a_hessian_runs_its_function_once():
    runs = []
    for f in (lambda x: runs.append(1) or np.sum(x**3), lambda x: runs.append(1) or x**3):
        runs.clear()
        funad.hessian(f)(onp.array([1.0, 2.0]))
        assert len(runs) == 1
