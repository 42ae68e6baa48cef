"""GradBench's evals that nest derivatives, or bend a hand."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from test_gradbench import evaluate, slopes

from experiments.gradbench.evals import particle, saddle
from experiments.gradbench.modes import MODES
from experiments.problems.particle import miss


# ht
def hand(rng, complicated, mirrored):
    """A hand of 22 bones and 9 vertices, in the form of the messages."""
    bones, vertices, points = 22, 9, 4
    model = {
        "bone_count": bones,
        "bone_names": [f"bone{i}" for i in range(bones)],
        "parents": [-1, *rng.integers(0, np.arange(1, bones)).tolist()],
        "base_relatives": rng.normal(size=(bones, 4, 4)),
        "inverse_base_absolutes": rng.normal(size=(bones, 4, 4)),
        "base_positions": np.column_stack([rng.normal(size=(vertices, 3)), np.ones(vertices)]),
        "weights": rng.uniform(size=(vertices, bones)),
        "triangles": rng.integers(0, vertices, (6, 3)),
        "is_mirrored": mirrored,
    }
    for name in ("base_relatives", "inverse_base_absolutes"):
        model[name][:, 3] = [0.0, 0.0, 0.0, 1.0]
    data = {"correspondences": rng.integers(0, 6, points), "points": rng.normal(size=(points, 3))}
    us = rng.uniform(size=(points, 2)) if complicated else np.empty((0, 2))
    return model, data, us, 0.5 * rng.normal(size=26)


def apart(model, data, us, theta):
    """Bone by bone and vertex by vertex, with SciPy's rotations."""
    absolutes = []
    for i, parent in enumerate(model["parents"]):
        move, (finger, part) = np.eye(4), divmod(i - 2, 4)
        if 0 <= finger < 5 and part < 3:
            bend = theta[6 + 4 * finger + (0, 2, 3)[part]]
            spread = theta[7 + 4 * finger] if part == 0 else 0.0
            move[:3, :3] = Rotation.from_euler("xz", [bend, spread]).as_matrix()
        moved = model["base_relatives"][i] @ move
        absolutes.append(moved if parent < 0 else absolutes[parent] @ moved)
    skin = []
    for vertex, weights in zip(model["base_positions"], model["weights"], strict=True):
        at = sum(
            w * (a @ inverse @ vertex)[:3]
            for w, a, inverse in zip(weights, absolutes, model["inverse_base_absolutes"], strict=True)
        )
        at = at * [-1, 1, 1] if model["is_mirrored"] else at
        skin.append(Rotation.from_rotvec(theta[:3]).apply(at) + theta[3:6])
    found = []
    for i, (nearest, point) in enumerate(zip(data["correspondences"], data["points"], strict=True)):
        if len(us):
            a, b, c = (skin[corner] for corner in model["triangles"][nearest])
            found.append(point - (us[i, 0] * a + us[i, 1] * b + (1 - us[i].sum()) * c))
        else:
            found.append(point - skin[nearest])
    return np.concatenate(found)


@pytest.mark.parametrize("complicated", [False, True])
@pytest.mark.parametrize("mirrored", [False, True])
def test_ht(complicated, mirrored):
    model, data, us, theta = hand(np.random.default_rng(6), complicated, mirrored)
    lists = [{k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in x.items()} for x in (model, data)]
    given = {"theta": theta.tolist(), "us": us.tolist(), "data": lists[1] | {"model": lists[0]}}
    found = evaluate("ht", "objective", given)
    np.testing.assert_allclose(found, apart(model, data, us, theta), rtol=1e-11, atol=1e-10)
    jacobian = np.array(evaluate("ht", "jacobian", given))
    assert jacobian.shape == (12, 28 if complicated else 26)
    expected = slopes(lambda theta: apart(model, data, us, theta), theta)
    if complicated:  # each point depends on its own two coordinates alone: they are moved together
        moved = slopes(lambda v: apart(model, data, us + v, theta), np.zeros(2))
        expected = np.concatenate([moved, expected], axis=1)
    np.testing.assert_allclose(jacobian, expected, rtol=1e-6, atol=1e-6)


def test_a_hand_that_is_not_turned():
    model, data, us, theta = hand(np.random.default_rng(7), False, False)
    theta[:3] = 0.0
    lists = [{k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in x.items()} for x in (model, data)]
    given = {"theta": theta.tolist(), "us": us.tolist(), "data": lists[1] | {"model": lists[0]}}
    found = evaluate("ht", "objective", given)
    np.testing.assert_allclose(found, apart(model, data, us, theta), rtol=1e-11, atol=1e-10)


# saddle and particle
def test_saddle_from_the_usual_start():
    """The numbers are those that GradBench expects, where the descent stops."""
    found = evaluate("saddle", "rr", {"start": [1.0, 1.0]})
    assert found == pytest.approx([8.246324826140356e-06] * 4, rel=1e-9)


def test_saddle_in_all_modes():
    found = [evaluate("saddle", name, {"start": [0.5, -0.3]}) for name in saddle.FUNCTIONS]
    assert len(found) == 4
    for other in found:
        assert other == pytest.approx(found[0], rel=1e-9)
    assert np.max(np.abs(found)) < 0.01


@pytest.mark.parametrize("name", MODES)
def test_particle_in_all_modes(name):
    """The slope that the descent follows, through all of the simulation."""
    outer, inner = MODES[name]
    (found,) = outer(lambda w: miss(w[0], inner))([0.1])
    assert found == pytest.approx(slopes(lambda w: miss(w[0], inner), [0.1], 1e-4)[0], rel=1e-6)


def test_particle_from_the_usual_start_ends_where_gradbench_expects():
    assert evaluate("particle", "rr", {"w": 0.0}) == pytest.approx(0.2071918746486116, rel=1e-9)
    assert list(particle.FUNCTIONS) == ["ff", "fr", "rf", "rr"]
