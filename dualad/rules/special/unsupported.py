"""Ufuncs of `scipy.special` that have no rule, and why: they raise."""

import numpy as np
from scipy import special

from ...op import unsupported

COMPLEX = "its result is complex"
PARAMETER = "no closed form"
REASONS = {
    "hankel1 hankel1e hankel2 hankel2e wofz kelvin modfresnelm modfresnelp": COMPLEX,
    "bdtrik bdtrin btdtria btdtrib chdtriv chndtridf chndtrinc fdtridfd gdtrib nbdtrik nbdtrin ncfdtridfd "
    "ncfdtridfn ncfdtrinc nctdtridf nctdtrinc nrdtrimn nrdtrisd pdtrik stdtridf": (
        "it inverts a distribution in a parameter, in which the distribution has no closed-form derivative"
    ),
    "chndtr chndtrix ncfdtr ncfdtri nctdtr nctdtrit": "the density of the noncentral distribution is a series",
    "mathieu_a mathieu_b mathieu_cem mathieu_modcem1 mathieu_modcem2 mathieu_modsem1 mathieu_modsem2 mathieu_sem "
    "obl_ang1 obl_ang1_cv obl_cv obl_rad1 obl_rad1_cv obl_rad2 obl_rad2_cv pro_ang1 pro_ang1_cv pro_cv pro_rad1 "
    "pro_rad1_cv pro_rad2 pro_rad2_cv pbdv pbvv pbwa": (
        "SciPy returns the value together with the derivative, whose own derivative has no ufunc"
    ),
    "elliprc elliprd elliprf elliprg elliprj agm": "derivatives of the symmetric integrals are not written yet",
    "besselpoly wright_bessel log_wright_bessel tklmbda": PARAMETER,
    "kolmogi kolmogorov smirnov smirnovi": "SciPy has no density of the Kolmogorov-Smirnov statistic",
    "voigt_profile": "its derivative is the imaginary part of a complex function",
    "itairy": "SciPy computes it to eight digits only",
    "zetac _riemann_zeta": "the derivative of Riemann's zeta function has no closed form",
}  # fmt: skip
for _names, _reason in REASONS.items():
    for _name in _names.split():
        _fn = getattr(special._ufuncs, _name, None)
        if isinstance(_fn, np.ufunc):
            unsupported(_fn, reason=_reason)
