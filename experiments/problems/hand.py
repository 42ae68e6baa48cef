"""A hand's skin, bent with its bones: how far it is from measured points, as in the ADBench suite.

Taylor et al., "User-specific hand modeling from monocular depth sequences", 2014; Šrajer, Kukelova and Fitzgibbon, "A
benchmark of selected algorithmic differentiation tools", 2018. A pose is 26 numbers: a rotation vector (0 to 2), a
shift (3 to 5), and for each of five fingers how far its first bone is bent and spread, and the two others bent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FIRST, BONES, BENT = 2, 4, 3
"""The thumb's first bone that moves, a finger's bones, and how many of them move."""
SMALL = 1e-4
"""Rotations by less are taken for none."""


@dataclass(frozen=True)
class Hand:
    """A model, with all that does not depend on the pose.

    parents: of each bone, which come before it, -1 of the first
    relatives: from each bone's to its parent's coordinates, (bones, 4, 4)
    skin: each vertex in each bone's coordinates, times the bone's influence on it, (4 bones, vertices)
    corners: between which vertices each measured point is, (points, 3), or which one it is, (points, 1)
    """

    parents: tuple[int, ...]
    relatives: np.ndarray
    skin: np.ndarray
    corners: np.ndarray
    mirrored: bool

    @classmethod
    def of(cls, parents, relatives, inverses, positions, weights, corners, mirrored):
        """The model of bones whose coordinates at rest `inverses` give, (bones, 4, 4), and of vertices at rest.

        positions: (vertices, 4), with 1 last; weights: (vertices, bones)
        """
        at_bones = np.einsum("bij,vj,vb->biv", inverses, positions, weights)
        return cls(parents, relatives, np.reshape(at_bones, (-1, len(positions))), corners, mirrored)


def turn(r):
    """The matrix of the rotation about `r` by its length."""
    angle = np.sqrt(np.sum(r * r))
    if angle < SMALL:
        return np.eye(3)
    x, y, z = r / angle
    cross = np.stack([np.stack([0.0 * x, -z, y]), np.stack([z, 0.0 * x, -x]), np.stack([-y, x, 0.0 * x])])
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * (cross @ cross)


def moves(theta, bones):
    """How each bone is bent about x, and then spread about z: matrices (bones, 4, 4)."""
    fingers = np.reshape(theta[6:], (-1, BENT + 1))
    first = FIRST + BONES * np.arange(len(fingers))
    bend, spread = np.zeros_like(theta, shape=bones), np.zeros_like(theta, shape=bones)
    spread[first] = fingers[:, 1]
    for i, column in enumerate((0, 2, 3)):
        bend[first + i] = fingers[:, column]
    cx, sx, cz, sz = np.cos(bend), np.sin(bend), np.cos(spread), np.sin(spread)
    none, one = np.zeros(bones), np.ones(bones)
    rows = [
        [cz, -sz * cx, sz * sx, none],
        [sz, cz * cx, -cz * sx, none],
        [none, sx, cx, none],
        [none, none, none, one],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def skinned(theta, hand):
    """Where the vertices are, (vertices, 3)."""
    local = hand.relatives @ moves(theta, len(hand.parents))
    absolute = []
    for parent, matrix in zip(hand.parents, local, strict=True):
        absolute.append(matrix if parent < 0 else absolute[parent] @ matrix)
    positions = np.concatenate([matrix[:3] for matrix in absolute], axis=1) @ hand.skin
    if hand.mirrored:
        positions = np.array([[-1.0], [1.0], [1.0]]) * positions
    return positions.T @ turn(theta[:3]).T + theta[3:6]


def distances(theta, sides, hand, points):
    """From the skin to the measured points (n, 3), one after the other: (3n,).

    sides: where each point is in its triangle, (n, 2), as factors of its first two corners; unused for a point that
    belongs to one vertex
    """
    skin = skinned(theta, hand)
    if hand.corners.shape[1] == 1:
        return np.ravel(points - skin[hand.corners[:, 0]])
    a, b, c = (skin[hand.corners[:, i]] for i in range(3))
    u, v = sides[:, :1], sides[:, 1:]
    return np.ravel(points - (u * a + v * b + (1.0 - u - v) * c))
