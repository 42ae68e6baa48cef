"""Complex values: parts, conjugates and moduli, which are linear over the real numbers but not holomorphic.

The sweeps pair a cotangent g with a tangent dz as Re(g dz), without a conjugate: then rules of holomorphic
functions read the same for complex values as for real ones. Users have conjugates of these cotangents.
"""

import numpy as np

from ..op import composite, general, is_complex, linear
from .batching import aligned, trailing
from .examples import arrays, complexes
from .shape import as_array

_I = np.complex128(1j)  # NumPy's: a Python number times it is one of NumPy's too
real_part = linear(
    np.real,
    lambda g, z: np.real(g) + _I * 0,
    name="real part",
    moves=True,
    depends=0,
    view=lambda z, part: part + 1j * np.imag(z),
    batch=trailing,
    examples=complexes(((3,),), ((2, 3),)),
)
imaginary_part = linear(
    np.imag,
    lambda g, z: -_I * np.real(g),
    name="imaginary part",
    moves=True,
    depends=0,
    view=lambda z, part: np.real(z) + 1j * part,
    batch=trailing,
    examples=complexes(((3,),), ((2, 3),)),
)
complex_conjugate = linear(
    np.conjugate,
    lambda g, z: np.conjugate(g),
    name="complex conjugate",
    moves=True,
    depends=0,
    batch=trailing,
    examples=complexes(((3,),), ((2, 3),)),
)
# A kink at 0, with derivative 0 by convention
modulus = general(
    np.absolute,
    lambda dz, y, z: np.real(np.conjugate(z) * dz) / np.where(y == 0, 1.0, y),
    name="modulus",
    complex=True,
    batch=aligned,
    examples=complexes(((3,),), ((2, 3),)),
)


@composite(np.real, examples=arrays(((2, 3),), ((),)))
def _real(val):
    return real_part(val) if is_complex(val) else val


@composite(np.imag, examples=arrays(((2, 3),)))
def _imag(val):
    return imaginary_part(val) if is_complex(val) else np.zeros(val.shape, val.dtype)[()]


@composite(np.angle, examples=arrays(((3,),), ((3,), {"deg": True})))
def _angle(z, deg=False):
    angle = np.arctan2(np.imag(z), np.real(z))
    return angle * (180 / np.pi) if deg else angle


@composite(np.real_if_close, examples=arrays(((3,),), ((3,), {"tol": 10})))
def _real_if_close(a, tol=100):
    if is_complex(a):
        tol = tol * np.finfo(a.dtype).eps if tol > 1 else tol
        return np.real(a) if np.all(np.abs(np.imag(a)) < tol) else a
    return a


@composite(np.sort_complex, examples=lambda rng: [*arrays(((4,),))(rng), *complexes(((2, 3),))(rng)])
def _sort_complex(a):
    a = np.sort(as_array(a))
    return a if is_complex(a) else a.astype(np.clongdouble if a.dtype.itemsize > 8 else complex)
