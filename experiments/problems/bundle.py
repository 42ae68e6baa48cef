"""Bundle adjustment: where cameras see points, the reprojection error that the ADBench suite differentiates.

Šrajer, Kukelova and Fitzgibbon, "A benchmark of selected algorithmic differentiation tools", 2018. An observation
depends on 15 numbers: a camera's rotation vector (0 to 2), centre (3 to 5), focal length (6), principal point (7, 8)
and radial distortion (9, 10), a point (11 to 13), and the observation's weight (14).
"""

import numpy as np

CAMERAS, POINTS, NUMBERS = 49, 7_776, 15


def turned(r, x, xp=np):
    """`x` turned about the axis `r` by its length (Rodrigues' formula), which must not be 0."""
    angle = xp.sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2])
    cosine, sine = xp.cos(angle), xp.sin(angle)
    a = [part / angle for part in r]
    across = [a[1] * x[2] - a[2] * x[1], a[2] * x[0] - a[0] * x[2], a[0] * x[1] - a[1] * x[0]]
    along = (a[0] * x[0] + a[1] * x[1] + a[2] * x[2]) * (1.0 - cosine)
    return [x[i] * cosine + across[i] * sine + a[i] * along for i in range(3)]


def residual(q, seen, xp=np):
    """Weighted difference between where the point is seen and where it should be, in pixels.

    q: (15,) of one observation, or (15, N) of N; seen: (2,) or (2, N). Returns the shape of `seen`.
    """
    x, y, z = turned(q[0:3], [q[11] - q[3], q[12] - q[4], q[13] - q[5]], xp)
    x, y = x / z, y / z
    square = x * x + y * y
    scale = q[6] * (1.0 + q[9] * square + q[10] * square * square)
    return xp.stack([q[14] * (scale * x + q[7] - seen[0]), q[14] * (scale * y + q[8] - seen[1])])


def weight_error(w):
    """What draws each observation's weight towards 1."""
    return 1.0 - w * w


def spread(x, camera, point, xp=np):
    """The 15 numbers of every observation, (15, N), from all parameters: cameras (11, 49), points (3, 7776), weights.

    camera, point: which camera and which point each observation is of, (N,)
    """
    cut = 11 * CAMERAS, 11 * CAMERAS + 3 * POINTS
    cameras = xp.reshape(x[: cut[0]], (11, CAMERAS))
    points = xp.reshape(x[cut[0] : cut[1]], (3, POINTS))
    return xp.concatenate([cameras[:, camera], points[:, point], xp.reshape(x[cut[1] :], (1, -1))])


def parameters(observations, seed):
    """All parameters in one vector; camera and point of each observation; where it is seen, (2, N)."""
    cameras, points, weights, camera, point = drawn(np.random.default_rng(seed), observations)
    x = np.concatenate([np.ravel(cameras), np.ravel(points), np.ravel(weights)])
    return x, camera, point, data(observations, seed)[1]


def data(observations, seed):
    """Every observation's 15 numbers, (15, N), and where its point is seen, (2, N)."""
    rng = np.random.default_rng(seed)
    cameras, points, weights, camera, point = drawn(rng, observations)
    q = np.concatenate([cameras[:, camera], points[:, point], weights])
    return q, residual(q, np.zeros((2, observations))) / weights + rng.standard_normal((2, observations))


def drawn(rng, observations):
    """Cameras (11, 49), points (3, 7776), weights (1, N), and which camera and point each observation is of."""
    cameras = np.concatenate(
        [
            0.3 * rng.standard_normal((3, CAMERAS)),
            rng.standard_normal((3, CAMERAS)),
            rng.uniform(400.0, 600.0, (1, CAMERAS)),
            5.0 * rng.standard_normal((2, CAMERAS)),
            1e-2 * rng.standard_normal((2, CAMERAS)),
        ]
    )
    points = rng.standard_normal((3, POINTS)) + np.array([[0.0], [0.0], [10.0]])
    camera, point = (rng.integers(0, n, observations) for n in (CAMERAS, POINTS))
    weights = rng.uniform(0.5, 1.5, (1, observations))
    return cameras, points, weights, camera, point
