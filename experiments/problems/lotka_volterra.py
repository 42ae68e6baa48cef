"""Lotka-Volterra, integrated by Runge-Kutta's fourth-order method over scalars."""


def rates(u, v, p):
    """Growth of prey `u` and predators `v`."""
    a, b, c, d = p
    uv = u * v
    return a * u - b * uv, d * uv - c * v


def step(u, v, p, h):
    a1, b1 = rates(u, v, p)
    a2, b2 = rates(u + 0.5 * h * a1, v + 0.5 * h * b1, p)
    a3, b3 = rates(u + 0.5 * h * a2, v + 0.5 * h * b2, p)
    a4, b4 = rates(u + h * a3, v + h * b3, p)
    u = u + h / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4)
    v = v + h / 6.0 * (b1 + 2.0 * b2 + 2.0 * b3 + b4)
    return u, v


def final(p, steps=200, h=0.05):
    """Prey plus twice the predators after `steps` steps, as a function of the four parameters, by a Python loop."""
    u, v = 1.0, 0.5
    for _ in range(steps):
        u, v = step(u, v, p, h)
    return u + 2.0 * v


def final_scanned(p, scan, steps=200, h=0.05):
    """The same by `dualad.scan` or JAX's, which compile one step, where `final` unrolls them all."""
    (u, v), _ = scan(lambda uv, _: (step(*uv, p, h), None), (1.0, 0.5), None, length=steps)
    return u + 2.0 * v


PARAMETERS = [1.5, 1.0, 3.0, 1.0]
