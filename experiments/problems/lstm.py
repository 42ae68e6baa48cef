"""A recurrent network of LSTM cells with diagonal weights that predicts the next character, as in the ADBench suite.

Šrajer, Kukelova and Fitzgibbon, "A benchmark of selected algorithmic differentiation tools", 2018; the cell is
Hochreiter and Schmidhuber's, 1997, with a forget gate.
"""

import numpy as np

import dualad

LAYERS, BITS = 2, 14


def sigmoid(x, xp):
    return 1.0 / (1.0 + xp.exp(-x))


def cell(weights, biases, hidden, memory, x, xp):
    """One cell's next output and memory; the gates' weights are diagonal, (4, bits)."""
    gates = xp.stack([x, hidden, x, hidden]) * weights + biases
    forget, let_in, let_out = (sigmoid(gates[i], xp) for i in range(3))
    memory = memory * forget + let_in * xp.tanh(gates[3])
    return let_out * xp.tanh(memory), memory


def loss(parameters, state, sequence, xp=np, scan=dualad.scan):
    """Mean negative log-likelihood of each character of the sequence (c, bits), given those before.

    parameters: [weights and biases of each layer's gates, (layers, 2, 4, bits); scale of the input, scale and bias
    of the output, (3, bits)]; state: output and memory of each layer, (layers, 2, bits)
    """
    gates, ends = parameters

    def step(state, pair):
        x, following = pair
        x = x * ends[0]
        after = []
        for i in range(len(gates)):
            x, memory = cell(gates[i, 0], gates[i, 1], state[i, 0], state[i, 1], x, xp)
            after.append(xp.stack([x, memory]))
        y = x * ends[1] + ends[2]
        normal = y - xp.log(xp.sum(xp.exp(y)) + 2.0)
        return xp.stack(after), xp.sum(following * normal)

    _, found = scan(step, state, (sequence[:-1], sequence[1:]))
    return -xp.sum(found) / (found.shape[0] * ends.shape[1])


def loss_by_jax(parameters, state, sequence, xp):
    """The same with JAX's own loop."""
    from jax import lax

    return loss(parameters, state, sequence, xp, lax.scan)


def data(characters, seed):
    """Parameters, a first state, and a sequence of that many characters as bits."""
    rng = np.random.default_rng(seed)
    parameters = [rng.standard_normal((LAYERS, 2, 4, BITS)), rng.standard_normal((3, BITS))]
    state = rng.standard_normal((LAYERS, 2, BITS))
    return parameters, state, rng.integers(0, 2, (characters, BITS)).astype(float)
