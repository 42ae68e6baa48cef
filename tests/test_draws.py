"""Random numbers with traced parameters raise, and the form in the message draws the same numbers."""

import math
import random

import numpy as np
import pytest

from dualad import ConversionError, grad, jacobian, jvp, vjp
from dualad.draws import form

NAMES = {
    "loc": 0.7, "scale": 1.3, "low": -0.5, "high": 2.0, "mean": 0.7, "sigma": 0.4, "a": 2.5, "size": 6,
}  # fmt: skip
PARAMETERS = {
    "normal": ("loc", "scale"), "uniform": ("low", "high"), "laplace": ("loc", "scale"),
    "logistic": ("loc", "scale"), "gumbel": ("loc", "scale"), "exponential": ("scale",), "rayleigh": ("scale",),
    "lognormal": ("mean", "sigma"), "weibull": ("a",), "pareto": ("a",), "power": ("a",),
}  # fmt: skip
MAKERS = {"generator": np.random.default_rng, "legacy": np.random.RandomState}


def message(run):
    with pytest.raises(ConversionError) as caught:
        run()
    return str(caught.value)


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("name", PARAMETERS)
def test_the_form_in_the_message_draws_the_same_numbers(name, maker):
    keys = PARAMETERS[name]
    rng = MAKERS[maker](3)
    for key in keys:
        for derive in (lambda f: grad(lambda v: np.sum(f(v))), lambda f: lambda v: jvp(f, (v,), (v,))):

            def f(v, key=key):
                parameters = NAMES | {key: v}
                return getattr(rng, name)(*[parameters[k] for k in keys], size=6)

            assert "lose its derivative" in message(lambda: derive(f)(NAMES[key]))  # noqa: B023
    said = form(f"rng.{name}(…)")
    assert said is not None
    found = eval(said[1], {"np": np, "rng": MAKERS[maker](3)}, dict(NAMES))
    expected = getattr(MAKERS[maker](3), name)(*[NAMES[k] for k in keys], size=6)
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_the_message_names_the_call_and_its_generator():
    rng = np.random.default_rng(0)
    A = np.array([0.3, 0.6])
    for run in (lambda f, x: grad(f)(x), lambda f, x: jvp(f, (x,), (x,))):
        for x in (0.5, A):
            text = message(lambda: run(lambda x: np.sum(rng.normal(x, 1.0)), x))  # noqa: B023
            assert text.startswith("rng.normal of a traced parameter would lose its derivative\n  at ")
            assert text.endswith("\n  instead: loc + scale * rng.standard_normal(size)")
            text = message(lambda: run(lambda x: np.random.uniform(0.0, high=x), x))  # noqa: B023
            assert text.endswith("instead: low + (high - low) * np.random.random(size)")
        text = message(lambda: run(lambda x: np.random.default_rng(1).gumbel(scale=x), 0.5))  # noqa: B023
        assert text.endswith("instead: loc + scale * np.random.default_rng(1).gumbel(size=size)")


def test_the_call_that_refused_is_found_among_others():
    rng = np.random.default_rng(0)

    def several_lines(x):
        return np.sum(
            rng.normal(0.0, 1.0, 3)
            * rng.exponential(
                x,
                3,
            )
        )

    assert "rng.exponential of" in message(lambda: grad(several_lines)(0.5))
    assert "float() of" in message(lambda: grad(lambda x: rng.normal(size=3)[0] * float(x))(0.5))
    assert "float() of" in message(lambda: grad(lambda x: x * rng.normal(float(x)))(0.5))
    assert "ü" in message(lambda: grad(lambda x: ("ü", rng.poisson(x), "ü")[1] * x)(0.5))


@pytest.mark.parametrize("name", ["poisson", "chisquare", "geometric", "standard_t", "standard_gamma"])
def test_draws_without_a_form(name):
    rng = np.random.default_rng(0)
    draw = {
        "poisson": lambda x: rng.poisson(x),
        "chisquare": lambda x: rng.chisquare(x),
        "geometric": lambda x: rng.geometric(x),
        "standard_t": lambda x: rng.standard_t(x),
        "standard_gamma": lambda x: rng.standard_gamma(x),
    }[name]
    for run in (lambda: vjp(draw, 0.5), lambda: jvp(draw, (0.5,), (1.0,))):
        text = message(run)
        assert text.startswith(f"rng.{name} of a traced parameter")
        assert "no derivative in its parameters" in text


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ("rng.gamma(shape, scale, size)", {"shape": 2.5, "scale": 1.3}),
        ("rng.wald(mean, scale, size)", {"mean": 0.7, "scale": 1.4, "ratio": 2.0}),
        ("rng.vonmises(mu, kappa, size)", {"mu": 0.2, "kappa": 8.0}),
        ("rng.triangular(left, mode, right, size)", {"left": -1.0, "mode": 0.0, "right": 3.0, "c": 0.25}),
    ],
)
def test_locations_and_scales_beside_a_shape(call, parameters):
    rng = np.random.default_rng
    said = form(call)
    assert said is not None
    names = {"size": 5, **parameters}
    found = eval(said[1].partition(", where")[0], {"rng": rng(1)}, names)
    np.testing.assert_allclose(found, eval(call, {"rng": rng(1)}, names), rtol=1e-13)


def test_several_normal_variables():
    rng, cov = np.random.default_rng(5), np.array([[2.0, 0.5], [0.5, 1.0]])
    text = message(lambda: grad(lambda s: rng.multivariate_normal(np.zeros(2), s * cov)[0])(1.0))
    form = text.rpartition("instead: ")[2]
    names = {"mean": np.array([1.0, -1.0]), "cov": cov, "size": 40_000}
    drawn = eval(form, {"np": np, "rng": rng}, names)
    np.testing.assert_allclose(np.cov(drawn.T), cov, atol=0.1)
    np.testing.assert_allclose(np.mean(drawn, 0), [1.0, -1.0], atol=0.05)


def test_without_source_the_general_message_remains():
    f = eval(compile("lambda x: rng.normal(x)", "<nowhere>", "eval"), {"rng": np.random.default_rng(0)})
    assert "float() of a traced value" in message(lambda: grad(f)(0.5))


@pytest.mark.parametrize(
    "call",
    ["math.gamma(x)", "np.power(x, 2)", "special.gamma(x)", "scipy.stats.beta(x)", "normal(x)", "x", ""],
)
def test_what_is_no_draw(call):
    assert form(call) is None
    assert "np.exp" in message(lambda: grad(lambda x: math.exp(x))(0.5))


# what works: draws that are fixed, moved, chosen or put in another order
WORKS = {
    "standard": lambda rng, x: x[0] + x[1] * rng.standard_normal(3),
    "random": lambda rng, x: x * rng.random(3),
    "mean": lambda rng, x: rng.multivariate_normal(x, np.eye(3)),
    "permuted": lambda rng, x: rng.permuted(x) * x,
    "permutation": lambda rng, x: x[rng.permutation(3)] * x,
    "choice": lambda rng, x: x * rng.choice(x),
    "gauss": lambda rng, x: x * random.Random(1).gauss(x[0], x[1]),
}


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("name", WORKS)
def test_works(name, mode):
    x, h = np.array([0.3, 1.2, 0.9]), 1e-6

    def f(x):
        return WORKS[name](np.random.default_rng(7), x)

    J = np.stack([np.asarray((f(x + h * e) - f(x - h * e)) / (2 * h), float) for e in np.eye(3)], -1)
    np.testing.assert_allclose(jacobian(f, mode=mode)(x), J, rtol=1e-8, atol=1e-8)


def test_a_shuffle_of_a_traced_array():
    def f(x):
        y = x**2
        with pytest.warns(UserWarning, match="shuffling a '"):  # NumPy's doubt, of anything but its own
            np.random.default_rng(7).shuffle(y)
        return y * x

    x = np.array([0.3, 1.2, 0.9])
    order = np.arange(3)
    np.random.default_rng(7).shuffle(order)
    expected = np.diag(x[order] ** 2)
    expected[np.arange(3), order] += 2 * x[order] * x
    np.testing.assert_allclose(jacobian(f, mode="reverse")(x), expected, rtol=1e-14)
