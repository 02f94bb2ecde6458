"""Calls of scipy.spatial: distances, neighbours, hulls and rotations."""

import importlib.util

import numpy as onp
import scipy.spatial.distance
from scipy.cluster import hierarchy

import funad.numpy as np

from . import probe

_rng = onp.random.default_rng(12)


def _normal(*shape):
    return _rng.normal(size=shape)


A, B, W = _normal(4, 3), _normal(3, 3), onp.array([0.5, 1.0, 2.0])
SHARES, OTHERS = onp.abs(A) + 0.3, onp.abs(B) + 0.3
INVERSE = 2 * onp.eye(3) + 0.1 * B @ B.T
PLANE = _normal(9, 2)
SPACE = onp.concatenate([onp.eye(3), -onp.eye(3)]) * (1 + 0.2 * _rng.uniform(size=(6, 1))) + 0.1 * _normal(
    6, 3
)
QUATERNION, QUATERNIONS, VECTOR = _normal(4), _normal(3, 4), _normal(3)
TURNED = onp.linalg.qr(B)[0] * onp.linalg.det(onp.linalg.qr(B)[0])
AXES = onp.eye(3)[[2, 0, 2]]
TIMES, BETWEEN = onp.array([0.0, 1.0, 2.5]), onp.array([0.2, 1.5, 2.1])
MOTION = 0.5 * _normal(6)

_METRICS = (
    "braycurtis", "canberra", "chebyshev", "cityblock", "correlation", "cosine", "euclidean", "jensenshannon",
    "minkowski", "sqeuclidean",
)  # fmt: skip


def _of(name, f, *args, how="hosted", **options):
    return probe(f"scipy.spatial.{name}", f, *args, how=how, **options)


def _distance(name, f, *args, **options):
    return _of(f"distance.{name}", lambda sp, *args: f(sp.spatial.distance, *args), *args, **options)


def _rotation(name, f, *args, **options):
    return _of(
        f"transform.Rotation.{name}",
        lambda sp, *args: f(sp.spatial.transform.Rotation, *args),
        *args,
        **options,
    )


def _transform(name, f, *args, **options):
    return _of(f"transform.{name}", lambda sp, *args: f(sp.spatial.transform, *args), *args, **options)


_ALL = {"how": "closed form"}
PROBES = [
    *(_distance(m, lambda d, u, v, m=m: getattr(d, m)(u, v), SHARES[0], OTHERS[0]) for m in _METRICS),
    *(
        _distance(m, lambda d, u, v, w, m=m: getattr(d, m)(u, v, w=w), SHARES[0], OTHERS[0], W)
        for m in _METRICS
        if m != "jensenshannon"
    ),
    _distance("minkowski", lambda d, u, v, p: d.minkowski(u, v, p), A[0], B[0], 2.5),
    _distance("seuclidean", lambda d, u, v, s: d.seuclidean(u, v, s), A[0], B[0], W),
    _distance("mahalanobis", lambda d, u, v, s: d.mahalanobis(u, v, s), A[0], B[0], INVERSE),
    _distance("jensenshannon", lambda d, p, q: d.jensenshannon(p, q, 2.0, axis=1), SHARES[:3], OTHERS),
    *(
        _distance("cdist", lambda d, a, b, m=m: d.cdist(a, b, m), SHARES, OTHERS, **_ALL)
        for m in (*_METRICS, "seuclidean", "mahalanobis")
    ),
    *(_distance("pdist", lambda d, a, m=m: d.pdist(a, m), SHARES, **_ALL) for m in (*_METRICS, "seuclidean")),
    _distance("cdist", lambda d, a, b, w: d.cdist(a, b, "minkowski", p=3, w=w), A, B, W, **_ALL),
    _distance("cdist", lambda d, a, b, p: d.cdist(a, b, "minkowski", p=p), A, B, 2.5, **_ALL),
    _distance("cdist", lambda d, a, b, s: d.cdist(a, b, "seuclidean", V=s), A, B, W, **_ALL),
    _distance("cdist", lambda d, a, b, s: d.cdist(a, b, "mahalanobis", VI=s), A, B, INVERSE, **_ALL),
    _distance("cdist", lambda d, a, b: d.cdist(a, b, lambda u, v: np.sum(u * v) ** 2), A, B, **_ALL),
    _distance("cdist", lambda d, a, b: d.cdist(a, b, d.cosine), A, B, **_ALL),
    _distance("pdist", lambda d, a: d.pdist(a, lambda u, v: np.sum(u * v) ** 2), A, **_ALL),
    # A matrix of distances of points to themselves: 0 on its diagonal, whatever they are.
    *(
        _distance("cdist", lambda d, a, m=m: d.cdist(a, a, m) ** 2, SHARES, **_ALL)
        for m in ("euclidean", "jensenshannon", "mahalanobis")
    ),
    _distance("squareform", lambda d, v: d.squareform(v), W, **_ALL),
    _distance("squareform", lambda d, v: d.squareform(d.squareform(v)), W, **_ALL),
    _distance("directed_hausdorff", lambda d, u, v: d.directed_hausdorff(u, v)[0], A, B, **_ALL),
    _of("distance_matrix", lambda sp, a, b: sp.spatial.distance_matrix(a, b, 3), A, B),
    _of("minkowski_distance", lambda sp, a, b: sp.spatial.minkowski_distance(a, b, 2), A[:3], B),
    _of("minkowski_distance_p", lambda sp, a, b: sp.spatial.minkowski_distance_p(a, b, 2.5), A[:3], B),
    _of("procrustes", lambda sp, a, b: sp.spatial.procrustes(a, b), A, A[::-1] + 0.3),
    _of(
        "geometric_slerp",
        lambda sp, a, b, t: sp.spatial.geometric_slerp(a / np.linalg.norm(a), b / np.linalg.norm(b), t),
        A[0],
        B[0],
        onp.array([0.2, 0.4]),
    ),
    *(
        _of(
            name,
            lambda sp, a, b, name=name: getattr(sp.spatial, name)(a).query(b, k=2)[0],
            PLANE,
            PLANE[:3] + 0.1,
        )
        for name in ("KDTree", "cKDTree")
    ),
    *(
        _of("ConvexHull", lambda sp, x: sp.spatial.ConvexHull(x).volume, x, how="traced")
        for x in (PLANE, SPACE)
    ),
    *(
        _of("ConvexHull", lambda sp, x: sp.spatial.ConvexHull(x).area, x, how="traced")
        for x in (PLANE, SPACE)
    ),
    # Rotations
    _rotation("from_quat", lambda r, q: r.from_quat(q).as_matrix(), QUATERNION),
    _rotation("as_quat", lambda r, q: r.from_quat(q, scalar_first=True).as_quat(canonical=True), QUATERNIONS),
    _rotation("from_rotvec", lambda r, v: r.from_rotvec(v).as_matrix(), VECTOR),
    _rotation("from_rotvec", lambda r, v: r.from_rotvec(v).as_matrix(), onp.zeros(3)),
    _rotation("as_rotvec", lambda r, v: r.from_rotvec(v, degrees=True).as_rotvec(), B),
    _rotation("as_matrix", lambda r, q: r.from_quat(q).as_matrix(), QUATERNIONS),
    *(
        _rotation("from_matrix", lambda r, m: r.from_matrix(m).as_rotvec(), TURNED + e * B)
        for e in (0.0, 0.1)
    ),
    *(
        _rotation("from_euler", lambda r, e, seq=seq: r.from_euler(seq, e).as_matrix(), 0.7 * B)
        for seq in ("xyz", "ZXZ")
    ),
    *(
        _rotation("as_euler", lambda r, q, seq=seq: r.from_quat(q).as_euler(seq, degrees=True), QUATERNIONS)
        for seq in ("XYZ", "zxz")
    ),
    _rotation("from_mrp", lambda r, m: r.from_mrp(m).as_matrix(), B),
    _rotation("as_mrp", lambda r, q: r.from_quat(q).as_mrp(), QUATERNIONS),
    _rotation(
        "from_davenport", lambda r, e: r.from_davenport(AXES, "e", e).as_matrix(), onp.array([0.3, 0.4, 0.5])
    ),
    _rotation("as_davenport", lambda r, q: r.from_quat(q).as_davenport(AXES, "e"), QUATERNION),
    _rotation("apply", lambda r, q, v: r.from_quat(q).apply(v), QUATERNION, B),
    _rotation("apply", lambda r, q, v: r.from_quat(q).apply(v, inverse=True), QUATERNIONS, B),
    _rotation(
        "__mul__", lambda r, p, q: (r.from_quat(p) * r.from_quat(q)).as_matrix(), QUATERNION, QUATERNIONS
    ),
    _rotation("__pow__", lambda r, q, n: (r.from_quat(q) ** n).as_matrix(), QUATERNION, 0.7),
    _rotation("__pow__", lambda r, q, n: (r.from_quat(q) ** n).as_matrix(), QUATERNION, 1.0),
    _rotation("__getitem__", lambda r, q: r.from_quat(q)[1].as_matrix(), QUATERNIONS),
    _rotation("inv", lambda r, q: r.from_quat(q).inv().as_quat(), QUATERNIONS),
    _rotation("magnitude", lambda r, q: r.from_quat(q).magnitude(), QUATERNIONS),
    _rotation("mean", lambda r, q, w: r.from_quat(q).mean(w).as_matrix(), QUATERNIONS, W),
    _rotation(
        "concatenate",
        lambda r, p, q: r.concatenate([r.from_quat(p), r.from_quat(q)]).as_matrix(),
        QUATERNIONS,
        QUATERNION,
    ),
    _rotation("reduce", lambda r, q: r.from_quat(q).reduce(r.create_group("D2")).as_matrix(), QUATERNIONS),
    _rotation(
        "align_vectors",
        lambda r, a, b, w: (lambda found: (found[0].as_matrix(), found[1]))(r.align_vectors(a, b, w)),
        B,
        B + 0.2 * B[::-1],
        W,
    ),
    _rotation("align_vectors", lambda r, a, b: r.align_vectors(a, b)[0].as_matrix(), B[:1], B[1:2]),
    _transform(
        "Slerp",
        lambda m, t, q, u: m.Slerp(t, m.Rotation.from_quat(q))(u).as_matrix(),
        TIMES,
        QUATERNIONS,
        BETWEEN,
    ),
    _transform(
        "RotationSpline",
        lambda m, t, q, u: m.RotationSpline(t, m.Rotation.from_quat(q))(u).as_matrix(),
        TIMES,
        QUATERNIONS,
        BETWEEN,
    ),
    _transform(
        "RotationSpline",
        lambda m, q, u: m.RotationSpline(TIMES, m.Rotation.from_quat(q))(u, 1),
        QUATERNIONS,
        BETWEEN,
    ),
    _transform(
        "RigidTransform",
        lambda m, q, t, v: m.RigidTransform.from_components(t, m.Rotation.from_quat(q)).apply(v),
        QUATERNION,
        VECTOR,
        B,
    ),
    _transform(
        "RigidTransform", lambda m, e: m.RigidTransform.from_exp_coords(e).inv().as_exp_coords(), MOTION
    ),
    _transform(
        "RigidTransform",
        lambda m, e, f: (
            m.RigidTransform.from_exp_coords(e) ** 0.4 * m.RigidTransform.from_exp_coords(f)
        ).as_matrix(),
        MOTION,
        MOTION[::-1],  # the power is none: SciPy rounds it to single precision
    ),
    _transform(
        "RigidTransform",
        lambda m, d: m.RigidTransform.from_dual_quat(d).as_dual_quat(),
        onp.array([0.1, -0.2, 0.3, 0.9, 0.2, 0.1, -0.3, 0.4]),
    ),
    # Clusters
    probe("scipy.cluster.vq.vq", lambda sp, x, c: sp.cluster.vq.vq(x, c)[1], A, B, how="closed form"),
    probe("scipy.cluster.vq.whiten", lambda sp, x: sp.cluster.vq.whiten(x), A, how="closed form"),
]

if importlib.util.find_spec("scipy.spatial.transform._rotation_xp") is None:  # before 1.17, all is compiled
    PROBES = [p for p in PROBES if not p.name.startswith("scipy.spatial.transform.")]

_COUNTED = "it counts entries that are equal, or true, so that it is constant wherever it does not jump"
_PLAIN = "what it makes of points is plain; compute with the points that it names"
_DRAWN = "it draws a picture"
_SEARCHED = "its centres are searched for from a start that is drawn; use vq with the centres that it finds"
_TREE = "a tree of clusters is made of plain numbers: its merges are searched for"

REFUSED = {
    **{
        f"scipy.spatial.distance.{name}": _COUNTED
        for name in (
            "dice",
            "hamming",
            "jaccard",
            "kulczynski1",
            "rogerstanimoto",
            "russellrao",
            "sokalmichener",
            "sokalsneath",
            "yule",
        )
        if hasattr(scipy.spatial.distance, name)
    },
    **{
        f"scipy.spatial.{name}": _PLAIN
        for name in (
            "Delaunay",
            "HalfspaceIntersection",
            "Rectangle",
            "SphericalVoronoi",
            "Voronoi",
            "tsearch",
        )
    },
    **{
        f"scipy.spatial.{name}": _DRAWN
        for name in ("convex_hull_plot_2d", "delaunay_plot_2d", "voronoi_plot_2d")
    },
    "scipy.cluster.vq.kmeans": _SEARCHED,
    "scipy.cluster.vq.kmeans2": _SEARCHED,
    **{f"scipy.cluster.hierarchy.{name}": _TREE for name in hierarchy.__all__},
}

if not any(p.name.startswith("scipy.spatial.transform.") for p in PROBES):
    REFUSED |= {
        f"scipy.spatial.transform.{name}": "it is compiled before SciPy 1.17"
        for name in ("RigidTransform", "Rotation", "RotationSpline", "Slerp")
    }
