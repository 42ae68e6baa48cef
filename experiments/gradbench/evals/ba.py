"""The reprojection errors of bundle adjustment, and their Jacobian as a sparse matrix."""

import numpy as np

import dualad
from experiments.gradbench.function import Function, array
from experiments.problems.bundle import NUMBERS, residual, weight_error


def blocks(q, seen):
    """Jacobians of all observations' two residuals, (2, 15, N), and of their weights' errors, (N,)."""
    rows = [dualad.grad(lambda q, i=i: np.sum(residual(q, seen)[i]))(q) for i in range(2)]
    return np.stack(rows), dualad.grad(lambda w: np.sum(weight_error(w)))(q[-1])


def errors(q, seen):
    return residual(q, seen), weight_error(q[-1])


BLOCKS, ERRORS = dualad.compile(blocks), dualad.compile(errors)


def gathered(cameras, points, weights, camera, point):
    """Each observation's numbers, (15, N)."""
    return np.concatenate([cameras[:, camera], points[:, point], weights])


def objective(cameras, points, weights, camera, point, seen):
    return ERRORS(gathered(cameras, points, weights, camera, point), seen)


def jacobian(cameras, points, weights, camera, point, seen):
    """Compressed rows: where each starts, and the columns and the values; first the residuals, two a row of weights.

    Columns are the cameras' parameters, the points' coordinates, and the weights.
    """
    dense, slopes = BLOCKS(gathered(cameras, points, weights, camera, point), seen)
    n = len(camera)
    before, behind = cameras.size, cameras.size + points.size
    columns = np.empty((n, 2, NUMBERS), np.int32)
    columns[:, :, :11] = (11 * camera[:, None] + np.arange(11))[:, None]
    columns[:, :, 11:14] = (before + 3 * point[:, None] + np.arange(3))[:, None]
    columns[:, :, 14] = behind + np.arange(n)[:, None]
    values = np.concatenate([np.ravel(np.transpose(dense, (2, 0, 1))), slopes])
    starts = np.concatenate([np.arange(2 * n) * NUMBERS, 2 * n * NUMBERS + np.arange(n + 1)])
    return starts, np.concatenate([np.ravel(columns), behind + np.arange(n, dtype=np.int32)]), values


def read(given):
    """The one camera, point and observation as often as the input says; pairs in turn."""
    n, m, p = given["n"], given["m"], given["p"]
    camera = array(given["cam"])
    if not np.any(camera[:3]):
        raise ValueError("a camera that is not turned: the axis of its rotation is not defined")
    repeated = (camera, n), (given["x"], m), (given["feat"], p)
    cameras, points, seen = (np.repeat(array(x)[:, None], k, axis=1) for x, k in repeated)
    return cameras, points, np.full((1, p), float(given["w"])), np.arange(p) % n, np.arange(p) % m, seen


def write_errors(found):
    """Of what is repeated, one of each."""
    reprojected, weighed = found
    return {
        "reproj_error": {"elements": reprojected[:, 0].tolist(), "repeated": reprojected.shape[1]},
        "w_err": {"element": float(weighed[0]), "repeated": len(weighed)},
    }


def write_matrix(found):
    """The first two rows' numbers, and the last one."""
    parts = zip(("rows", "cols", "vals"), found, strict=True)
    return {name: [*part[: 2 * NUMBERS].tolist(), part[-1].item()] for name, part in parts}


FUNCTIONS = {
    "objective": Function(read, objective, write_errors),
    "jacobian": Function(read, jacobian, write_matrix),
}
