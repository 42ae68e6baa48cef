"""The Lorenz-96 model under a forcing that some parameters shape in time, as in optimal control."""

import numpy as np

from experiments.problems import lorenz96

STEPS, H = 40, 0.05


def modes(parameters, steps=STEPS):
    """Values of as many cosines at the ends and the middles of the steps: (2 steps + 1, parameters)."""
    times = np.linspace(0.0, 1.0, 2 * steps + 1)
    return np.cos(np.pi * np.outer(times, np.arange(parameters)))


def step(x, u, k):
    """Step k of Runge and Kutta's fourth-order method, with the forcing `u` at its ends and in its middle."""
    early, middle, late = 8.0 + u[2 * k], 8.0 + u[2 * k + 1], 8.0 + u[2 * k + 2]
    a = lorenz96.rhs(x, forcing=early)
    b = lorenz96.rhs(x + 0.5 * H * a, forcing=middle)
    c = lorenz96.rhs(x + 0.5 * H * b, forcing=middle)
    d = lorenz96.rhs(x + H * c, forcing=late)
    return x + H / 6.0 * (a + 2.0 * b + 2.0 * c + d)


def loop(step, x, n):
    for k in range(n):
        x = step(x, k)
    return x


def loss(p, x, table, through=loop):
    """Half the mean square of the last state; `through(step, x, n)` goes along the loop."""
    u = table @ p
    x = through(lambda x, k: step(x, u, k), x, len(table) // 2)
    return 0.5 * np.mean(x * x)


def data(parameters, size, seed, steps=STEPS):
    """Parameters, the first state, and the table of modes."""
    p = np.random.default_rng(seed).standard_normal(parameters) / np.arange(1, parameters + 1)
    return p, lorenz96.state(size, seed), modes(parameters, steps)
