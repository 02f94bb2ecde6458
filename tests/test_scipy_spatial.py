"""scipy.spatial and scipy.cluster on traced values: what the probes of tests/scipy_names do not say."""

import pickle

import numpy as onp
import pytest
import scipy.cluster
import scipy.spatial

import funad
import funad.numpy as np
from funad.errors import FunadError, NotDifferentiableError
from funad.scipy import cluster, spatial
from funad.scipy.spatial import distance
from funad.scipy.spatial.transform import Rotation
from funad.testing import call, check_jvp, check_vjp

from .scipy_names import VERSION

rng = onp.random.default_rng(16)
A, B = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))


# --- distances


@pytest.mark.parametrize("metric", ["euclidean", "cityblock", "chebyshev", "mahalanobis", "minkowski"])
def test_coinciding_points_have_the_derivatives_of_a_norm(metric):
    options = {"VI": onp.eye(3)} if metric == "mahalanobis" else {}
    y, pull = funad.vjp(lambda a: distance.cdist(a, A[:2], metric, **options), A[:2])
    xbar = pull(onp.eye(2))
    assert y[0, 0] == 0.0
    onp.testing.assert_array_equal(xbar, onp.zeros((2, 3)))
    check_vjp(lambda a: distance.cdist(a, A[:2], metric, **options)[0, 1], call(A[:2]), 0)


def test_squares_of_distances_are_smooth_where_points_coincide():
    hessian = funad.hessian(lambda a: distance.cdist(a[None], A[:1])[0, 0] ** 2)(A[0])
    onp.testing.assert_allclose(hessian, 2 * onp.eye(3), atol=1e-12)


def test_near_points_far_from_the_origin_lose_no_digit():
    a, b = onp.array([[1e6, 1e6]]), onp.array([[1e6 + 3e-6, 1e6 + 4e-6]])
    exact = (a - b) / onp.linalg.norm(a - b)
    got = funad.grad(lambda a: distance.cdist(a, b)[0, 0])(a)
    onp.testing.assert_allclose(got, exact, rtol=1e-14)


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (2, 0)])
def test_few_points(shape):
    a = onp.ones(shape)
    y, pull = funad.vjp(lambda a: distance.cdist(a, onp.zeros((2, shape[1])), "sqeuclidean"), a)
    assert pull(onp.ones(y.shape)).shape == shape
    if shape[1]:
        y, pull = funad.vjp(lambda a: distance.pdist(a, "cityblock"), a)
        assert pull(onp.ones(y.shape)).shape == shape


def test_single_precision_and_nested_gradients():
    a = A.astype(onp.float32)
    assert funad.grad(lambda a: np.sum(distance.pdist(a)))(a).dtype == onp.float32
    third = funad.grad(
        lambda s: funad.grad(lambda t: funad.grad(lambda u: np.sum(distance.cdist(u * s * A, t * B)))(1.2))(
            0.8
        )
    )
    assert onp.isfinite(third(1.1))


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (
            lambda a: distance.cdist(a, B, "hamming"),
            "cdist with the metric hamming has no derivative: it counts",
        ),
        (lambda a: distance.pdist(a, "jaccard"), "pdist with the metric jaccard"),
        (lambda a: distance.jaccard(a[0], B[0]), "jaccard has no derivative: it counts"),
        (lambda a: distance.cdist(a, B, out=onp.zeros((5, 4))), "leave out= away"),
        (lambda a: spatial.Delaunay(a[:, :2]), "Delaunay"),
        (lambda a: spatial.ConvexHull(a).equations, "ConvexHull.equations has no derivative here"),
        (lambda a: cluster.hierarchy.linkage(a), "linkage has no derivative: a tree of clusters"),
        (lambda a: cluster.vq.kmeans(a, 2), "kmeans has no derivative"),
    ],
)
def test_what_jumps_is_refused_by_name(f, message):
    with pytest.raises(FunadError, match=message):
        funad.vjp(f, A)


# --- neighbours and hulls


@pytest.mark.parametrize("name", ["KDTree", "cKDTree"])
def test_neighbours_that_are_too_far_away_have_no_derivative(name):
    places = onp.array([[0.0, 0.0, 0.0], [9.0, 9.0, 9.0]])
    tree = getattr(spatial, name)(A)
    y, pull = funad.vjp(lambda x: tree.query(x, distance_upper_bound=4.0)[0], places)
    theirs, _ = getattr(scipy.spatial, name)(A).query(places, distance_upper_bound=4.0)
    onp.testing.assert_array_equal(y, theirs)
    onp.testing.assert_array_equal(pull(onp.ones(2))[1], onp.zeros(3))
    assert isinstance(tree, getattr(scipy.spatial, name))
    assert pickle.loads(pickle.dumps(tree)).query(places[0])[1] == tree.query(places[0])[1]


def test_the_distance_between_two_clouds_of_points_has_derivatives_in_both():
    def chamfer(a, b):
        return np.mean(spatial.KDTree(b).query(a)[0]) + np.mean(spatial.KDTree(a).query(b)[0])

    for n in range(2):
        check_vjp(chamfer, call(A, B), n)
        check_jvp(chamfer, call(A, B), n)


def test_a_hull_of_plain_points_is_that_of_scipy():
    assert type(spatial.ConvexHull(A)) is spatial.ConvexHull
    assert spatial.ConvexHull(A).volume == scipy.spatial.ConvexHull(A).volume


# --- rotations

traced_rotations = pytest.mark.skipif(VERSION < (1, 17), reason="SciPy's rotations are compiled")


@traced_rotations
def test_a_rotation_of_plain_numbers_turns_traced_vectors():
    turn = Rotation.from_euler("xyz", [0.1, 0.2, 0.3])
    theirs = scipy.spatial.transform.Rotation.from_euler("xyz", [0.1, 0.2, 0.3])
    onp.testing.assert_array_equal(turn.as_quat(), theirs.as_quat())
    onp.testing.assert_allclose(funad.jacobian(turn.apply)(A[0]), theirs.as_matrix(), atol=1e-15)
    assert pickle.loads(pickle.dumps(turn)).as_quat().tolist() == turn.as_quat().tolist()


@traced_rotations
def test_small_rotations_have_derivatives_to_second_order():
    v = onp.array([1.0, -2.0, 0.5])
    turned = lambda r: Rotation.from_rotvec(r).apply(v)
    generators = onp.array([[[0, 0, 0], [0, 0, -1], [0, 1, 0]], [[0, 0, 1], [0, 0, 0], [-1, 0, 0]],
                            [[0, -1, 0], [1, 0, 0], [0, 0, 0]]])  # fmt: skip
    onp.testing.assert_allclose(funad.jacobian(turned)(onp.zeros(3)), (generators @ v).T, atol=1e-15)
    second = funad.jacobian(funad.jacobian(turned))(onp.zeros(3))
    products = onp.einsum("aij,bjk,k->iab", generators, generators, v)
    onp.testing.assert_allclose(second, (products + products.transpose(0, 2, 1)) / 2, atol=1e-9)


@traced_rotations
def test_a_matrix_is_led_to_the_nearest_rotation_also_where_it_is_one():
    turned = Rotation.from_rotvec([0.3, -0.4, 0.5]).as_matrix()
    stretch = funad.jvp(lambda m: Rotation.from_matrix(m).as_matrix(), (turned,), (turned,))[1]
    onp.testing.assert_allclose(stretch, onp.zeros((3, 3)), atol=1e-14)


@traced_rotations
@pytest.mark.parametrize("seq", ["xyz", "ZXZ"])
def test_a_gimbal_lock_is_refused(seq):
    middle = onp.pi / 2 if seq == "xyz" else 0.0
    quat = scipy.spatial.transform.Rotation.from_euler(seq, [0.3, middle, 0.2]).as_quat()
    with pytest.raises(NotDifferentiableError, match=r"Rotation.as_euler has no derivative at a gimbal lock"):
        funad.vjp(lambda q: Rotation.from_quat(q).as_euler(seq), quat)


@traced_rotations
def test_the_pose_of_a_camera_is_found_from_points():
    true = onp.array([0.3, -0.2, 0.5])
    seen = scipy.spatial.transform.Rotation.from_rotvec(true).apply(A)

    def miss(r):
        return np.sum((Rotation.from_rotvec(r).apply(A) - seen) ** 2)

    r = onp.zeros(3)
    for _ in range(8):
        r = r - onp.linalg.solve(funad.hessian(miss)(r), funad.grad(miss)(r))
    onp.testing.assert_allclose(r, true, atol=1e-10)


def test_plain_names_of_scipy_are_served():
    points, values = rng.normal(size=(6, 2)), rng.normal(size=6)
    with funad.scipy.serve():
        got = funad.grad(lambda a: np.sum(scipy.spatial.distance.cdist(a, B)))(A)
        slope = funad.grad(lambda q: scipy.interpolate.RBFInterpolator(points, values)(q)[0])(
            points[:1] + 0.1
        )
        spline = funad.grad(lambda y: scipy.interpolate.CubicSpline([0.0, 1.0, 3.0], y)(0.5))(A[0])
    onp.testing.assert_array_equal(got, funad.grad(lambda a: np.sum(distance.cdist(a, B)))(A))
    cubic = lambda y: funad.scipy.interpolate.CubicSpline([0.0, 1.0, 3.0], y)(0.5)
    onp.testing.assert_array_equal(spline, funad.grad(cubic)(A[0]))
    ours = funad.scipy.interpolate.RBFInterpolator(points, values)
    onp.testing.assert_array_equal(slope, funad.grad(lambda q: ours(q)[0])(points[:1] + 0.1))
    assert type(scipy.interpolate.RBFInterpolator(points, values)) is scipy.interpolate.RBFInterpolator
