"""How far a posed hand is from the points that were measured of it, and the Jacobian of that."""

import numpy as np

import dualad
from experiments.gradbench.function import Function, array
from experiments.problems.hand import Hand, distances


def jacobian(theta, sides, hand, points):
    """Columns: the two coordinates within each point's own triangle, where there are such, and the pose.

    A point depends on its own two coordinates alone, so that all points' may be moved at once.
    """
    if not sides.size:
        return dualad.jacobian(lambda theta: distances(theta, sides, hand, points), mode="forward")(theta)
    moved = dualad.jacobian(lambda v: distances(v[2:], sides + v[:2], hand, points), mode="forward")
    return moved(np.concatenate([np.zeros(2), theta]))


def read(given):
    data, model = given["data"], given["data"]["model"]
    nearest = np.array(data["correspondences"])
    names = "base_relatives", "inverse_base_absolutes", "base_positions", "weights"
    hand = Hand.of(
        tuple(model["parents"]),
        *(array(model[name]) for name in names),
        np.array(model["triangles"])[nearest] if given["us"] else nearest[:, None],
        model["is_mirrored"],
    )
    return array(given["theta"]), np.reshape(array(given["us"]), (-1, 2)), hand, array(data["points"])


FUNCTIONS = {"objective": Function(read, distances), "jacobian": Function(read, jacobian)}
