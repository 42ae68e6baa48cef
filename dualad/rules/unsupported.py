"""Functions of NumPy that have no rule on purpose: why not, and what to write instead."""

import numpy as np

from ..op import unsupported

# in place
unsupported(np.copyto, reason="it writes into its argument: y = np.where(condition, values, x)")
unsupported(np.put, reason="it writes into its argument: y = x.copy(), then y[indices] = values")
unsupported(np.putmask, np.place, reason="it writes into its argument: y = np.where(mask, values, x)")
unsupported(
    np.put_along_axis,
    reason="it writes into its argument: y = np.where(np.arange(n) == index, values, x), along the axis",
)
unsupported(
    np.fill_diagonal,
    reason="it writes into its argument: y = np.where(np.eye(n, dtype=bool), value, x)",
)

# complex results
unsupported(
    np.fft.fft, np.fft.fft2, np.fft.fftn, np.fft.ifft, np.fft.ifft2, np.fft.ifftn,
    np.fft.rfft, np.fft.rfft2, np.fft.rfftn, np.fft.irfft, np.fft.irfft2, np.fft.irfftn, np.fft.hfft, np.fft.ihfft,
    reason="complex values are refused until their rules are declared",
)  # fmt: skip
unsupported(
    np.fft.fftshift, np.fft.ifftshift,
    reason="complex values are refused until their rules are declared: np.roll shifts real ones",
)  # fmt: skip
unsupported(np.sort_complex, reason="complex values are refused: np.sort")
unsupported(
    np.roots,
    reason="the roots are complex: find a real one by iteration and differentiate np.polyval at it, implicitly",
)

# statistics and polynomials
unsupported(
    np.histogram2d, np.histogramdd,
    reason="counts are piecewise constant: call it on dualad.primal(x), or np.histogram for one dimension",
)  # fmt: skip
unsupported(
    np.unique_all, np.unique_counts, np.unique_inverse,
    reason="np.unique with return_index, return_inverse or return_counts, or np.unique_values",
)  # fmt: skip
unsupported(np.intersect1d, reason="values coincide only by accident: np.unique(x[np.isin(x, y)])")
unsupported(
    np.frexp,
    reason="e = np.frexp(dualad.primal(x))[1] is piecewise constant, and np.ldexp(x, -e) the mantissa",
)
unsupported(np.i0, reason="scipy.special.i0")
if hasattr(np, "trapz"):  # removed in NumPy 2.4
    unsupported(np.trapz, reason="it is deprecated: np.trapezoid")
if hasattr(np, "row_stack") and np.row_stack is not np.vstack:
    unsupported(np.row_stack, reason="it is deprecated: np.vstack")
