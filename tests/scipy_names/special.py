"""Calls of scipy.special: its ufuncs at the points of the cases, and its functions."""

import inspect
import warnings

import numpy as onp
import scipy.integrate
import scipy.special

from ..cases import special as cases
from . import VERSION, probe

A = onp.array([[0.3, -1.2, 2.0], [0.1, 0.5, -0.4]])
W = onp.array([[1.0, 2.0, 0.5]])
x3 = onp.array([0.5, 1.5, 2.5])
HALF = onp.array([0.3, 0.7])
M = onp.array([2, 3, 4])

# How the derivative of each ufunc comes about, where not all of its arguments have a closed form.
DIFFERENCES = """
    zetac _zeta _riemann_zeta struve modstruve pbdv pbvv pbwa besselpoly jv yv iv kv jve yve ive kve
    hankel1 hankel2 hankel1e hankel2e elliprd elliprj hyp2f1 hyp1f1 hyp0f1 hyperu wright_bessel
    log_wright_bessel eval_legendre eval_chebyt eval_chebyu eval_chebyc eval_chebys eval_sh_legendre
    eval_sh_chebyt eval_sh_chebyu eval_laguerre eval_genlaguerre eval_gegenbauer eval_jacobi
    eval_sh_jacobi lpmv mathieu_a mathieu_b mathieu_cem mathieu_sem mathieu_modcem1 mathieu_modcem2
    mathieu_modsem1 mathieu_modsem2 pro_cv obl_cv pro_ang1 obl_ang1 pro_rad1 pro_rad2 obl_rad1 obl_rad2
    pro_ang1_cv obl_ang1_cv pro_rad1_cv pro_rad2_cv obl_rad1_cv obl_rad2_cv gammainc gammaincc chdtr
    chdtrc gammaincinv gammainccinv chdtri chdtriv gdtr gdtrc gdtria gdtrib gdtrix pdtrik betainc betaincc
    betaincinv betainccinv btdtria btdtrib fdtr fdtrc fdtri fdtridfd stdtr stdtrit stdtridf bdtrik bdtrin
    nbdtrik nbdtrin chndtr chndtrix chndtridf chndtrinc nctdtr nctdtrit nctdtridf nctdtrinc ncfdtr ncfdtri
    ncfdtridfd ncfdtrinc smirnov"""
SERIES = """
    boxcox boxcox1p inv_boxcox inv_boxcox1p exprel spence it2j0y0 it2i0k0 dawsn erfcx voigt_profile wofz
    kolmogorov kolmogi"""

# Of these, SciPy's values have errors from 1e-10 to 1e-3, which differences at a step of 1e-3 show: the
# order up to which differences say something. tests/test_special.py holds the derivatives to others.
ROUGH = {
    "itairy": 0,
    "pro_rad2_cv": 0,
    "obl_rad2": 0,
    "obl_rad2_cv": 0,
    "ncfdtridfd": 0,
    "ncfdtrinc": 0,
    "hyperu": 1,
    "obl_ang1_cv": 1,
}
# The searches and series of SciPy 1.14, which have errors of 1e-6.
if VERSION < (1, 15):
    del cases.PUBLIC["pro_rad2_cv"]  # of memory that has not been set
    ROUGH |= {"pro_rad2": 0, "ncfdtr": 0, "ncfdtri": 0, "nctdtr": 0, "nctdtrinc": 1}


def _how(name):
    return (
        "differences"
        if name in DIFFERENCES.split()
        else "series"
        if name in SERIES.split()
        else "closed form"
    )


def _of_ufunc(name):
    """The probe of a ufunc: its float arguments vary, the others are fixed."""
    args = cases.draw(cases.PUBLIC[name], ((2, 1), (3,)))
    variable = [
        n for n, x in enumerate(args) if onp.asarray(x).dtype.kind == "f" and not cases.is_fixed(name, n)
    ]

    def call(sp, *xs):
        filled = list(args)
        for n, x in zip(variable, xs, strict=True):
            filled[n] = x
        return getattr(sp.special, name)(*filled)

    return probe(
        f"scipy.special.{name}", call, *(args[n] for n in variable), how=_how(name), order=ROUGH.get(name, 2)
    )


def special(name, *args, how="closed form", fixed=(), after=(), **options):
    """The probe of scipy.special.name(*fixed, *args, *after), which varies in ``args``."""
    kwargs = options.pop("kwargs", {})
    return probe(
        f"scipy.special.{name}",
        lambda sp, *xs: getattr(sp.special, name)(*fixed, *xs, *after, **kwargs),
        *args,
        how=how,
        **options,
    )


def _quietly(f):
    """A program without the warnings of the quadrature that SciPy's ellipsoidal functions are made of."""

    def program(sp, *args):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", scipy.integrate.IntegrationWarning)
            return f(sp, *args)

    return program


PROBES = [_of_ufunc(name) for name in cases.PUBLIC]
PROBES += [
    # sums of exponentials
    special("logsumexp", A),
    special("logsumexp", A, kwargs={"axis": 0}),
    special("logsumexp", A, kwargs={"axis": (0, 1), "keepdims": True}),
    special("logsumexp", A, kwargs={"axis": 1, "b": W}),
    probe("scipy.special.logsumexp", lambda sp, a, b: sp.special.logsumexp(a, 1, b), A, W),
    probe(
        "scipy.special.logsumexp", lambda sp, a, b: sp.special.logsumexp(a, b=b, axis=0, keepdims=True), A, W
    ),
    probe(
        "scipy.special.logsumexp",
        lambda sp, a, b: sp.special.logsumexp(a, b=b, axis=1, return_sign=True),
        A,
        onp.array([1.0, -2.0, 0.5]),
    ),
    special("logsumexp", 0.7),
    special("softmax", A),
    special("softmax", A, kwargs={"axis": 0}),
    special("softmax", A, kwargs={"axis": (0, 1)}),
    special("log_softmax", A),
    special("log_softmax", A, kwargs={"axis": 1}),
    special("softplus", A, how="traced"),
    # gamma
    special("zeta", x3 + 1.0, how="differences"),
    special("zeta", x3 + 1.0, 0.7, how="differences"),
    special("polygamma", x3, fixed=(2,), how="traced"),
    special("polygamma", x3, fixed=(onp.array([[0], [1]]),), how="traced"),
    special("multigammaln", x3 + 2.0, after=(3,), how="traced"),
    special("multigammaln", 3.5, after=(2,), how="traced"),
    special("comb", x3 + 3.0, 1.7, how="traced"),
    special("comb", x3 + 3.0, 1.7, how="traced", kwargs={"repetition": True}),
    special("perm", x3 + 3.0, 1.7, how="traced"),
    special("factorial", x3),
    special("factorial", 2.5),
    special("lambertw", x3),
    special("lambertw", -0.2, after=(-1,)),
    special("lambertw", -0.2, kwargs={"k": 1, "tol": 1e-9}),
    special("diric", A, after=(5,)),
    special("diric", A, after=(onp.array([1, 2, 7]),)),
    special("sinc", A),
    # bessel
    *(special(name, 0.7, x3, how="differences") for name in ("jvp", "yvp", "kvp", "ivp", "h1vp", "h2vp")),
    *(
        special(name, 2.3, x3, after=(2,), how="differences")
        for name in ("jvp", "yvp", "kvp", "ivp", "h1vp", "h2vp")
    ),
    *(special(f"spherical_{kind}", x3, fixed=(M,)) for kind in ("jn", "yn", "in", "kn")),
    *(
        special(f"spherical_{kind}", x3, fixed=(M,), kwargs={"derivative": True})
        for kind in ("jn", "yn", "in", "kn")
    ),
    *([special("spherical_jn", -x3, fixed=(1,))] if VERSION >= (1, 15) else []),  # before, nan
    special("riccati_jn", 1.3, fixed=(3,)),
    special("riccati_yn", 1.3, fixed=(3,)),
    special("pbdv_seq", 1.3, fixed=(2.5,)),
    special("pbvv_seq", 1.3, fixed=(2.5,)),
    special("pbdn_seq", 1.3, fixed=(3,)),
    special("lmbda", 1.3, fixed=(2.5,)),
    special("lmbda", 1.3, fixed=(3,)),
    # polynomials and Legendre functions
    special("assoc_laguerre", x3, 2.5, 0.7, how="differences"),
    special("assoc_laguerre", x3, after=(3,), how="traced"),
    special("lqn", HALF, fixed=(3,)),
    special("lqn", 0.3, fixed=(3,)),
    special("lqmn", HALF, fixed=(2, 3)),
    special("legendre_p", HALF, fixed=(3,)),
    special("legendre_p", HALF, fixed=(onp.array([[1], [4]]),)),
    special("legendre_p", HALF, fixed=(3,), kwargs={"diff_n": 1}),
    special("legendre_p_all", HALF, fixed=(3,)),
    special("assoc_legendre_p", HALF, fixed=(3, 1)),
    special("assoc_legendre_p", HALF, fixed=(3, 2), kwargs={"norm": True}),
    special("assoc_legendre_p", HALF + 1.0, fixed=(3, 1), kwargs={"branch_cut": 3}),
    special("assoc_legendre_p_all", HALF, fixed=(3, 2)),
    special("sph_legendre_p", HALF, fixed=(3, 1)),
    special("sph_legendre_p_all", HALF, fixed=(3, 2)),
    special("sph_harm_y", HALF, 0.4, fixed=(3, 1)),
    special("sph_harm_y", HALF, 0.4, fixed=(3, -1)),
    special("sph_harm_y_all", HALF, 0.4, fixed=(3, 2)),
    special("roots_jacobi", 0.3, 0.8, fixed=(4,), how="differences"),
    special("roots_jacobi", 0.3, 0.8, fixed=(4,), after=(True,), how="differences"),
    special("roots_genlaguerre", 0.3, fixed=(4,), how="differences"),
    special("roots_gegenbauer", 0.3, fixed=(4,), how="differences"),
    special("roots_sh_jacobi", 2.3, 0.8, fixed=(4,), how="differences"),
    # Mathieu's and Lamé's equations
    special("mathieu_even_coef", 0.7, fixed=(2,), how="differences"),
    special("mathieu_odd_coef", 3.0, fixed=(2,), how="differences"),
    special("pro_cv_seq", 0.7, fixed=(0, 3), how="differences"),
    special("obl_cv_seq", 0.7, fixed=(0, 3), how="differences"),
    special("ellip_harm", 0.5, 2.0, after=(2, 3, 3.0), how="differences", order=1),
    special("ellip_harm", x3 * 2.0 + 2.0, fixed=(0.5, 2.0, 3, 2), how="differences"),
    probe(
        "scipy.special.ellip_harm_2",
        _quietly(lambda sp, s: sp.special.ellip_harm_2(5.0, 8.0, 2, 3, s)),
        x3 + 4.0,
        how="differences",
    ),
    probe(
        "scipy.special.ellip_normal",
        _quietly(lambda sp, h2, k2: sp.special.ellip_normal(h2, k2, 2, 3)),
        5.0,
        8.0,
        how="differences",
    ),
]
if "extend" in inspect.signature(scipy.special.factorial).parameters:  # SciPy 1.15
    PROBES.append(special("factorial", x3, kwargs={"extend": "complex"}))
PROBES = [found for found in PROBES if hasattr(scipy.special, found.name.rpartition(".")[2])]

_REASONS = {
    "has whole numbers alone for arguments": """
        bernoulli euler factorial2 factorialk stirling2 ai_zeros bi_zeros bei_zeros beip_zeros ber_zeros
        berp_zeros kei_zeros keip_zeros ker_zeros kerp_zeros kelvin_zeros erf_zeros fresnel_zeros
        fresnelc_zeros fresnels_zeros jn_zeros jnp_zeros jnjnp_zeros jnyn_zeros y0_zeros y1_zeros y1p_zeros
        yn_zeros ynp_zeros roots_legendre roots_chebyt roots_chebyu roots_chebyc roots_chebys roots_laguerre
        roots_hermite roots_hermitenorm roots_sh_legendre roots_sh_chebyt roots_sh_chebyu p_roots t_roots
        u_roots c_roots s_roots l_roots h_roots he_roots ps_roots ts_roots us_roots""",
    "makes an object that holds plain numbers; write eval_jacobi and its kin": """
        legendre chebyt chebyu chebyc chebys jacobi laguerre genlaguerre hermite hermitenorm gegenbauer
        sh_legendre sh_chebyt sh_chebyu sh_jacobi""",
    "returns 1e100 in SciPy, which is no inverse": "ncfdtridfn",
    "is about SciPy itself": "geterr seterr errstate",
    "is gone in SciPy 1.17; write assoc_legendre_p, betainc and their kin": """
        btdtr btdtri clpmn lpmn lpn sph_harm""",
}
REFUSED = {
    f"scipy.special.{name}": reason
    for reason, names in _REASONS.items()
    for name in names.split()
    if hasattr(scipy.special, name)
}
