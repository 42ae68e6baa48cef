"""A robot arm of seven joints: where its hand is and how it is turned, in scalar code."""

import numpy as np

# Twist of each joint's axis against the last (its cosine and sine), offset along it, and length, in metres.
JOINTS = (
    (0.0, -1.0, 0.36, 0.0),
    (0.0, 1.0, 0.0, 0.05),
    (0.0, 1.0, 0.42, 0.0),
    (0.0, -1.0, 0.0, -0.03),
    (0.0, -1.0, 0.40, 0.0),
    (0.0, 1.0, 0.0, 0.08),
    (1.0, 0.0, 0.13, 0.0),
)


def pose(q, xp=np):
    """Position and roll, pitch and yaw of the hand, six numbers, from seven joint angles."""
    r = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    p = [0.0, 0.0, 0.0]
    for i, (twist_cos, twist_sin, offset, length) in enumerate(JOINTS):
        angle = q[i]
        c, s = xp.cos(angle), xp.sin(angle)
        local = (
            (c, -s * twist_cos, s * twist_sin),
            (s, c * twist_cos, -c * twist_sin),
            (0.0, twist_sin, twist_cos),
        )
        along = (length * c, length * s, offset)
        p = [p[j] + sum(r[j][k] * along[k] for k in range(3)) for j in range(3)]
        r = [[sum(r[j][k] * local[k][m] for k in range(3)) for m in range(3)] for j in range(3)]
    roll = xp.arctan2(r[2][1], r[2][2])
    pitch = xp.arctan2(-r[2][0], xp.sqrt(r[0][0] * r[0][0] + r[1][0] * r[1][0]))
    yaw = xp.arctan2(r[1][0], r[0][0])
    return [*p, roll, pitch, yaw]


def hand(q, xp=np):
    """The same as one array of shape (6,)."""
    return xp.stack(pose(q, xp))
