"""The page of what is supported is up to date, and everything in it is as it should be."""

import copy
import inspect

import numpy
import pytest

from funad import defvjp, grad, primitive
from funad import numpy as np
from funad.boxes import Traced
from funad.errors import NotDifferentiableError
from funad.registry import primitive_of
from funad.testing import one

from . import support
from .support import COMMAND, MODULES, ORDERS, PAGE, VERSION


@pytest.fixture(scope="module")
def page():
    return support.page()


def test_the_page_is_up_to_date(page):
    written = PAGE.read_text(encoding="utf-8")
    if f"NumPy {VERSION}:" not in written:
        pytest.skip(f"the page is that of another NumPy than {VERSION}")
    assert written == page, f"write it again with: {COMMAND}"


FUNCTIONS = [
    pytest.param(value, plain, names[0], id=f"{title}.{names[0]}")
    for title, modules in MODULES.items()
    for names, value, plain in support.grouped(*modules)
]


@pytest.mark.parametrize(("value", "plain", "name"), FUNCTIONS)
def test_every_function_has_a_place_in_the_table_and_a_reason(value, plain, name):
    kind, arguments, _, orders, _, remark = support.of_function(value, plain, name)
    assert "unexplained" not in remark, f"{name} is NumPy's own: say why in tests.support"
    assert "not checked" not in remark, f"no case of {name} has these arguments as floats"
    assert remark != "refused: None", f"{name} takes a traced value and is in no table of cases"
    if kind == "differentiable":
        assert arguments
        assert orders == ORDERS


@pytest.mark.parametrize("name", support.public(numpy.ndarray))
def test_a_traced_value_has_every_method_and_attribute_of_an_array_or_refuses_it(name):
    kind, said = support.of_method(name)
    assert kind != "missing"
    assert said


@pytest.mark.parametrize("owner", [numpy.random, numpy.random.Generator])
def test_every_draw_is_differentiable_passed_through_or_refused_with_a_reason(owner):
    for name in support.public(owner):
        if callable(value := getattr(owner, name)) and not isinstance(value, type) and name != "test":
            kind, _, remark = support.of_draw(name, owner is not numpy.random)
            assert "unexplained" not in remark, name
            assert remark != "refused: ", name


def test_no_method_of_a_ufunc_has_a_wrong_derivative():
    assert all("wrong" not in answers for _, answers in support.ufuncs())


def test_a_wrong_rule_is_no_entry_that_says_yes():
    @primitive
    def double(x):
        return 2.0 * x

    @primitive
    def treble(x):
        return 3.0 * x

    defvjp(double, lambda y, ybar, x: 2.0 * ybar)
    defvjp(treble, lambda y, ybar, x: 3.001 * ybar)
    assert support.differentiable(double, primitive_of(double), one())[3] == ORDERS
    assert support.differentiable(treble, primitive_of(treble), one())[3] == ()


def _refused(method):
    names = [n for n in support.public(numpy.ndarray) if support.of_method(n)[0] == "refused"]
    return [n for n in names if isinstance(inspect.getattr_static(Traced, n), property) != method]


@pytest.mark.parametrize("name", _refused(True))
def test_a_method_that_is_refused_says_so_by_name(name):
    with pytest.raises(NotDifferentiableError, match=rf"ndarray\.{name} of a traced value .*; "):
        grad(lambda x: getattr(x, name)())(support.X)


@pytest.mark.parametrize("name", _refused(False))
def test_an_attribute_that_is_refused_is_not_there_and_says_why(name):
    with pytest.raises(NotDifferentiableError, match=rf"ndarray\.{name} of a traced value"):
        grad(lambda x: getattr(x, name))(support.X)
    assert grad(lambda x: x if not hasattr(x, name) else 0.0)(1.0) == 1.0


def test_a_copy_of_a_traced_value_is_traced():
    for make in (copy.copy, copy.deepcopy):
        assert grad(lambda x: make([x])[0] ** 2)(3.0) == 6.0
        numpy.testing.assert_array_equal(grad(lambda x: np.sum(make(x) ** 2))(support.X), 2 * support.X)
