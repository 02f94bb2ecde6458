"""Where to draw the arguments of the ufuncs of scipy.special from: ranges, and lists of whole numbers.

The private ufuncs, which scipy.stats calls, are among them as far as this version of SciPy has them.
"""

import numpy as onp
import scipy.special
from scipy.special import _ufuncs

real, positive, share = (-2.0, 2.0), (0.4, 4.0), (0.1, 0.9)
whole, degree = [0, 1, 2, 5], (0.5, 4.0)

DOMAINS = {
    # gamma
    "gamma": (positive,), "gammaln": (positive,), "loggamma": (positive,), "rgamma": (real,),
    "psi": (positive,),
    "poch": (positive, positive), "beta": (positive, positive), "betaln": (positive, positive),
    "binom": ((1.2, 4.0), (0.2, 3.0)), "zetac": ((1.5, 6.0),), "_zeta": ((1.5, 5.0), positive),
    "_riemann_zeta": ((1.5, 6.0),), "_factorial": (positive,), "_lgam1p": ((-0.4, 1.2),),
    "_sinpi": (real,), "_cospi": (real,), "_gen_harmonic": ([1, 3, 7], positive),
    # erf
    "erf": (real,), "erfc": (real,), "erfcx": ((-2.0, 8.0),), "erfi": (real,), "erfinv": ((-0.9, 0.9),),
    "erfcinv": ((0.1, 1.9),), "dawsn": ((-9.0, 9.0),), "wofz": (real,), "ndtr": (real,),
    "log_ndtr": ((-9.0, 3.0),),
    "ndtri": (share,), "ndtri_exp": ((-9.0, -0.1),), "owens_t": (real, real),
    "voigt_profile": ((-4.0, 4.0), positive, positive),
    # elementary
    "cbrt": (positive,), "exp2": (real,), "exp10": (real,), "expm1": (real,), "log1p": ((-0.5, 3.0),),
    "cosm1": (real,), "sindg": ((-80.0, 80.0),), "cosdg": ((-80.0, 80.0),), "tandg": ((-60.0, 60.0),),
    "cotdg": ((30.0, 80.0),), "radian": (real, real, real), "powm1": (positive, real),
    "_log1pmx": ((-0.5, 3.0),), "_log1mexp": ((-4.0, -0.3),), "expit": ((-9.0, 9.0),), "logit": (share,),
    "log_expit": ((-9.0, 9.0),), "xlogy": (real, positive), "xlog1py": (real, positive), "entr": (positive,),
    "rel_entr": (positive, positive), "kl_div": (positive, positive), "huber": ((1.0, 1.5), (-0.9, 0.9)),
    "pseudo_huber": (positive, real), "boxcox": (positive, real), "boxcox1p": (positive, real),
    "inv_boxcox": ((0.2, 1.0), (-0.8, 2.0)), "inv_boxcox1p": ((0.2, 1.0), (-0.8, 2.0)), "exprel": (real,),
    # integrals
    "exp1": (positive,), "expi": (positive,), "expn": (whole, positive), "_scaled_exp1": (positive,),
    "spence": (positive,), "wrightomega": (real,), "_lambertw": ((0.2, 4.0), [0], 1e-8), "sici": (positive,),
    "shichi": (positive,), "fresnel": (real,), "modfresnelp": (positive,), "modfresnelm": (positive,),
    "itj0y0": (positive,), "iti0k0": (positive,), "it2j0y0": (positive,), "it2i0k0": (positive,),
    "itairy": (positive,), "itstruve0": (positive,), "itmodstruve0": (positive,), "it2struve0": (positive,),
    # bessel
    **dict.fromkeys(("j0", "j1", "y0", "y1", "i0", "i1", "k0", "k1", "i0e", "i1e", "k0e", "k1e"),
    (positive,)),
    **dict.fromkeys(("ber", "bei", "ker", "kei", "berp", "beip", "kerp", "keip", "kelvin"), (positive,)),
    **dict.fromkeys(("airy", "airye"), (positive,)),
    "yn": (whole, positive), "kn": (whole, positive),
    **dict.fromkeys(("jv", "yv", "iv", "kv", "jve", "yve", "ive", "kve"), ((0.2, 3.0), positive)),
    **dict.fromkeys(("hankel1", "hankel2", "hankel1e", "hankel2e"), ((0.2, 3.0), positive)),
    "_iv_ratio": ((0.8, 4.0), positive), "_iv_ratio_c": ((0.8, 4.0), positive),
    **dict.fromkeys((f"_spherical_{kind}{d}" for kind in ("jn", "yn", "in", "kn") for d in ("", "_d")),
                    (whole, positive)),
    "struve": ((0.2, 3.0), positive), "modstruve": ((0.2, 3.0), positive),
    "pbdv": (real, real), "pbvv": (real, real), "pbwa": (real, real),
    "besselpoly": (positive, positive, positive),
    # elliptic
    "ellipk": ((-2.0, 0.9),), "ellipkm1": ((0.1, 2.0),), "ellipe": ((-2.0, 0.9),),
    "ellipkinc": ((-5.0, 5.0), (-1.0, 0.8)), "ellipeinc": ((-5.0, 5.0), (-1.0, 0.8)), "ellipj": (real, share),
    "elliprf": (positive,) * 3, "elliprd": (positive,) * 3, "elliprc": (positive,) * 2,
    "elliprg": (positive,) * 3,
    "elliprj": (positive,) * 4, "agm": (positive, positive),
    # hypergeometric
    "hyp2f1": (positive, positive, positive, (-0.8, 0.7)), "hyp1f1": (positive, positive, real),
    "hyp0f1": (positive, real), "hyperu": (positive, (1.2, 1.8), (2.0, 4.0)),
    "wright_bessel": (positive, positive, positive), "log_wright_bessel": (positive, positive, positive),
    # polynomials
    **dict.fromkeys(("eval_legendre", "eval_chebyt", "eval_chebyu"), (degree, (-0.9, 0.9))),
    **dict.fromkeys(("eval_chebyc", "eval_chebys"), (degree, (-1.9, 1.9))),
    **dict.fromkeys(("eval_sh_legendre", "eval_sh_chebyt", "eval_sh_chebyu"), (degree, share)),
    "eval_laguerre": (degree, real), "eval_hermite": (whole, real), "eval_hermitenorm": (whole, real),
    "eval_genlaguerre": (degree, positive, real), "eval_gegenbauer": (degree, positive, (-0.9, 0.9)),
    "eval_jacobi": (degree, positive, positive, (-0.9, 0.9)),
    "eval_sh_jacobi": (degree, (4.0, 5.0), share, share),
    "lpmv": ([0, 1, 2], (2.2, 4.0), (-0.9, 0.9)),
    # mathieu and spheroidal
    **dict.fromkeys(("mathieu_a", "mathieu_b"), ([1, 2, 3], positive)),
    **dict.fromkeys(("mathieu_cem", "mathieu_sem"), ([1, 2, 3], positive, (10.0, 80.0))),
    **dict.fromkeys(("mathieu_modcem1", "mathieu_modcem2", "mathieu_modsem1", "mathieu_modsem2"),
                    ([1, 2, 3], positive, (0.2, 1.2))),
    **dict.fromkeys(("pro_cv", "obl_cv"), ([0, 1], [2, 3], positive)),
    **dict.fromkeys(("pro_ang1", "obl_ang1"), ([0, 1], [2, 3], positive, (-0.9, 0.9))),
    "pro_rad1": ([0, 1], [2, 3], positive, (1.2, 2.0)), "pro_rad2": ([0, 1], [2, 3], (4.0, 6.0), (1.3, 2.0)),
    "obl_rad1": ([0, 1], [2, 3], positive, (0.4, 2.0)), "obl_rad2": ([0, 1], [2, 3], (4.0, 6.0), (1.3, 2.0)),
    # distributions
    **dict.fromkeys(("gammainc", "gammaincc", "chdtr", "chdtrc"), (positive, positive)),
    **dict.fromkeys(("gammaincinv", "gammainccinv", "chdtri", "stdtrit"), (positive, share)),
    "chdtriv": ((0.1, 0.8), positive), "_igam_fac": (positive, positive),
    "gdtr": (positive,) * 3, "gdtrc": (positive,) * 3, "gdtria": (share, positive, positive),
    "gdtrib": (positive, share, positive), "gdtrix": (positive, positive, share),
    "pdtr": (whole, positive), "pdtrc": (whole, positive), "pdtri": (whole, share),
    "pdtrik": ((0.5, 0.9), (1.5, 5.0)),
    **dict.fromkeys(("betainc", "betaincc", "betaincinv", "betainccinv"), (positive, positive, share)),
    "btdtria": (share, positive, share), "btdtrib": (positive, share, share),
    "_beta_pdf": (share, positive, positive), "_beta_ppf": (share, positive, positive),
    "fdtr": (positive,) * 3, "fdtrc": (positive,) * 3, "fdtri": (positive, positive, share),
    "fdtridfd": (positive, (0.5, 0.6), (1.0, 1.1)), "stdtr": (positive, real),
    "stdtridf": ((0.8, 0.9), (1.4, 1.6)),
    "bdtr": ([1, 2, 3], [6, 7], share), "bdtrc": ([1, 2, 3], [6, 7], share),
    "bdtri": ([1, 2, 3], [6, 7], share),
    "bdtrik": ((0.3, 0.9), (6.0, 7.0), (0.3, 0.6)), "bdtrin": ((2.0, 3.0), (0.2, 0.8), (0.3, 0.6)),
    "nbdtr": ([1, 2, 3], [2, 3], share), "nbdtrc": ([1, 2, 3], [2, 3], share),
    "nbdtri": ([1, 2, 3], [2, 3], share),
    "nbdtrik": ((0.5, 0.9), (2.0, 3.0), (0.3, 0.5)), "nbdtrin": ((1.0, 2.0), (0.2, 0.6), (0.3, 0.6)),
    "chndtr": ((1.0, 5.0), (2.5, 4.0), positive), "chndtrix": (share, (2.5, 4.0), positive),
    "chndtridf": ((1.0, 3.0), (0.3, 0.5), (0.5, 1.0)), "chndtrinc": ((4.0, 6.0), (2.0, 3.0), (0.2, 0.6)),
    "nctdtr": ((2.0, 5.0), real, real), "nctdtrit": ((2.0, 5.0), real, share),
    "nctdtridf": ((0.75, 0.8), (0.2, 0.5), (1.4, 1.6)), "nctdtrinc": ((2.0, 5.0), (0.3, 0.7), real),
    "ncfdtr": ((2.0, 5.0), (2.0, 5.0), positive, positive),
    "ncfdtri": ((2.0, 5.0), (2.0, 5.0), positive, share),
    "ncfdtridfd": ((3.0, 4.0), (0.4, 0.42), (0.5, 0.6), (1.0, 1.05)),
    "ncfdtrinc": ((2.0, 3.0), (2.0, 3.0), (0.1, 0.3), (1.5, 2.0)),
    # Before SciPy 1.17:
    "_ncx2_cdf": ((1.0, 5.0), (2.5, 4.0), positive), "_ncx2_ppf": (share, (2.5, 4.0), positive),
    "_nct_cdf": (real, (2.0, 5.0), real), "_nct_ppf": (share, (2.0, 5.0), real),
    "_ncf_cdf": (positive, (2.0, 5.0), (2.0, 5.0), positive),
    "_ncf_ppf": (share, (2.0, 5.0), (2.0, 5.0), positive),
    "_ncx2_sf": ((1.0, 5.0), (2.5, 4.0), positive), "_ncx2_isf": (share, (2.5, 4.0), positive),
    "_ncx2_pdf": ((1.0, 5.0), (2.5, 4.0), positive), "_nct_sf": (real, (2.0, 5.0), real),
    "_nct_isf": (share, (2.0, 5.0), real), "_nct_pdf": (real, (2.0, 5.0), real),
    "_ncf_sf": (positive, (2.0, 5.0), (2.0, 5.0), positive),
    "_ncf_isf": (share, (2.0, 5.0), (2.0, 5.0), positive),
    "_ncf_pdf": (positive, (2.0, 5.0), (2.0, 5.0), positive),
    **dict.fromkeys((f"_nct_{m}" for m in ("mean", "variance", "skewness", "kurtosis_excess")),
    ((5.0, 9.0), positive)),
    **dict.fromkeys((f"_ncf_{m}" for m in ("mean", "variance", "skewness", "kurtosis_excess")),
                    (positive, (9.0, 12.0), positive)),
    **dict.fromkeys((f"_nbinom_{m}" for m in ("mean", "variance", "skewness", "kurtosis_excess")),
    (positive, share)),
    "nrdtrimn": (share, positive, real), "nrdtrisd": ((-2.0, -1.0), (0.6, 0.9), positive),
    "kolmogorov": ((0.4, 2.0),), "_kolmogc": ((0.4, 2.0),), "_kolmogp": ((0.4, 2.0),), "kolmogi": (share,),
    "_kolmogci": (share,), "smirnov": ([3, 7], (0.35, 0.42)), "_smirnovc": ([3, 7], (0.35, 0.42)),
    "_smirnovp": ([3, 7], (0.35, 0.42)), "smirnovi": ([3, 7], (0.1, 0.2)), "_smirnovci": ([3, 7], (0.8, 0.9)),
    "tklmbda": ((-0.8, 0.8), (-0.5, 0.5)),
    "_binom_pmf": ([1, 2, 3], [6, 7], share), "_binom_cdf": ([1, 2, 3], [6, 7], share),
    "_binom_sf": ([1, 2, 3], [6, 7], share), "_nbinom_pmf": ([1, 2, 3], positive, share),
    "_nbinom_cdf": ([1, 2, 3], positive, share), "_nbinom_sf": ([1, 2, 3], positive, share),
    **dict.fromkeys(("_cauchy_ppf", "_cauchy_isf"), (share, real, positive)),
    "_cosine_cdf": (real,), "_cosine_invcdf": (share,),
    **dict.fromkeys(("_invgauss_ppf", "_invgauss_isf"), (share, positive, positive)),
    "_skewnorm_cdf": (real, real, positive, real), "_skewnorm_ppf": (share, real, positive, real),
    "_skewnorm_isf": (share, real, positive, real),
    **dict.fromkeys(("_landau_pdf", "_landau_cdf", "_landau_sf"), (real, real, positive)),
    **dict.fromkeys(("_landau_ppf", "_landau_isf"), (share, real, positive)),
}  # fmt: skip

# The same with the eigenvalue before x.
EIGENVALUES = {f"{kind}_{part}_cv": kind for kind in ("pro", "obl") for part in ("ang1", "rad1", "rad2")}


def draw(name, shapes=((3,),), seed=0):
    """Return arguments of a ufunc, of these shapes in turn; whole numbers as they are."""
    rng = onp.random.default_rng([seed, *name.encode()])
    if name in EIGENVALUES:
        m, n, c, x = draw(name.removesuffix("_cv"), shapes, seed)
        return m, n, c, getattr(_ufuncs, f"{EIGENVALUES[name]}_cv")(m, n, c), x
    args = []
    for k, domain in enumerate(DOMAINS[name]):
        shape = shapes[k % len(shapes)]
        if isinstance(domain, float):
            args.append(domain)
        elif isinstance(domain, list):
            args.append(rng.choice(domain, shape)[()])
        else:
            x = rng.uniform(*domain, shape)
            args.append(x if shape else float(x))
    return tuple(args)


# Arguments that SciPy rounds to whole numbers, of which draws are whole already, are fixed; so are these.
FIXED = {"_lambertw": (2,)}
# Public names, with the name that the ufunc itself has.
PUBLIC = {
    name: f.__name__
    for name, f in vars(scipy.special).items()
    if isinstance(f, onp.ufunc) and not name.startswith("_") and f.__name__ in {*DOMAINS, *EIGENVALUES}
}


def is_fixed(name, n):
    """Say whether an argument of a ufunc is a whole number or a constant of the case."""
    domain = DOMAINS.get(name, DOMAINS.get(PUBLIC.get(name, name), ()))
    return n in FIXED.get(name, ()) or (n < len(domain) and not isinstance(domain[n], tuple))
