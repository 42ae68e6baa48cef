"""Second derivatives of every op: four compositions of the modes, and differences of the gradient."""

import numpy as np
import pytest
from cases import (
    DERIVED,
    Case,
    close,
    each,
    generator,
    matrix,
    parts,
    precision,
    random_like,
    vector,
    whole,
)

from dualad import grad, hessian, hvp, jacobian
from dualad.tree import flatten

MODES = ("forward-over-reverse", "reverse-over-forward", "forward-over-forward", "reverse-over-reverse")


def scalar_of(case: Case):
    """A smooth real scalar of the results, with weights that no symmetry cancels, of all leaves' parts as one tuple."""
    rng = generator(case.id, "weights")
    weights = [random_like(rng, y) for y in flatten(case.primal(*case.leaves))[0]]

    def f(leaves):
        results = flatten(case.f(*whole(leaves, case.leaves)))[0]
        return sum(np.sum(np.real(w * np.sin(y))) for w, y in zip(weights, results, strict=True))

    return f


@each(DERIVED)
def test_four_compositions_agree_and_agree_with_differences(case: Case):
    f, x = scalar_of(case), tuple(parts(case.leaves))
    found = [matrix(hessian(f, mode=mode)(x), list(x), list(x)) for mode in MODES]
    tolerance = 1e-11 * precision(case)
    for mode, other in zip(MODES, found, strict=True):
        close(other, found[0], tolerance, 1e-13 * precision(case), mode)
    close(found[0], found[0].T, tolerance, 1e-13 * precision(case), "symmetry")

    rng = generator(case.id, "direction")
    v = tuple(random_like(rng, a) for a in x)
    along = found[0] @ vector(v)
    close(vector(hvp(f, x, v)), along, tolerance, 1e-13 * precision(case), "hvp")
    if precision(case) > 1:
        return  # too coarse for differences

    def slope(t):
        return vector(grad(f)(tuple(a + t * b for a, b in zip(x, v, strict=True))))

    h = 2e-4
    steps = [(slope(s) - slope(-s)) / (2 * s) for s in (2 * h, h)]
    close(along, steps[1] + (steps[1] - steps[0]) / 3, 2e-8, 2e-8, "differences of the gradient")


def test_second_derivatives_reach_every_op():
    curved = {
        case.name for case in DERIVED if np.any(vector(hessian(scalar_of(case))(tuple(parts(case.leaves)))))
    }
    constant = {"np.imag", "np.angle", "np.heaviside", "np.zeros_like", "np.ones_like"}
    assert curved == {case.name for case in DERIVED} - constant
    assert len(curved) > 120


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["np.sum", "np.prod", "np.linalg.inv", "np.einsum", "indexing"])
def test_third_derivatives_are_symmetric(name, mode):
    # A Hessian, differentiated once more in the mode it did not begin with.
    case = next(case for case in DERIVED if case.name == name)
    f = scalar_of(case)
    shape = np.shape(case.leaves[0])

    def flat(x):
        return f([np.reshape(x, shape), *case.leaves[1:]])

    x = np.ravel(case.leaves[0])
    third = jacobian(hessian(flat, mode=mode), mode="reverse" if mode.startswith("forward") else "forward")(x)
    for axes in ((0, 2, 1), (1, 0, 2), (2, 1, 0)):
        np.testing.assert_allclose(
            third, np.transpose(third, axes), rtol=0, atol=1e-11 * np.max(np.abs(third))
        )
