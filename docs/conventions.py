"""Derivatives at awkward points, as data: what the tests check, and what docs/reference/conventions.md says.

A point is an expression, its arguments there, and the derivative in each. The expression is text, and the test
evaluates that text: the page cannot show what is not tested.
"""

import copy
import operator
import pickle
from dataclasses import dataclass
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np

from dualad import ConversionError, DtypeError

NAMESPACE = {"np": np, "copy": copy, "operator": operator, "pickle": pickle}
LinAlgError = np.linalg.LinAlgError


@dataclass(frozen=True)
class Plain:
    """Expected: a value that is not traced, and this one."""

    value: Any


class Point(NamedTuple):
    """`text` is an expression in x (and y, z), `at` their values, `expected` the derivative in each of them.

    expected: also an exception class, or `Plain`
    order: of the derivative, for a single argument
    elementwise: whether arrays may take the place of numbers
    """

    text: str
    at: tuple[Any, ...]
    expected: Any
    order: int = 1
    elementwise: bool = True

    @property
    def f(self):
        return eval(f"lambda {', '.join('xyz'[: len(self.at)])}: {self.text}", NAMESPACE)

    @property
    def args(self):
        return tuple(np.array(a) if isinstance(a, list) else a for a in self.at)

    @property
    def of_numbers(self):
        """Whether every route to an elementwise derivative applies."""
        return (
            self.elementwise
            and isinstance(self.expected, tuple)
            and not any(isinstance(a, list) for a in self.at)
        )


class Convention(NamedTuple):
    """A rule in words, the points where it shows, and tests that hold it in other ways."""

    title: str
    says: str
    points: list[Point]
    tests: tuple[str, ...] = ()


def at(text, *arguments_and_expected, **facts):
    """A point: the arguments, then the derivative in each, or what else is expected."""
    *arguments, expected = arguments_and_expected
    if not isinstance(expected, (Plain, type, tuple)):
        expected = (expected,)
    return Point(text, tuple(arguments), expected, **facts)


def number(text, *arguments_and_expected, **facts):
    """A point of a function that takes numbers only."""
    return at(text, *arguments_and_expected, elementwise=False, **facts)


ROWS = [[0.0, 0.0], [3.0, -4.0]]
EQUAL = [[1.0, 0.0], [0.0, 1.0]]
SINGULAR = [[1.0, 2.0], [2.0, 4.0]]

CONVENTIONS = [
    Convention(
        "Absolute values, norms and spreads at zero",
        "0, never NaN, in second order too.",
        [
            *(at(f"{name}(x)", zero, 0.0) for name in ("np.abs", "np.fabs", "abs") for zero in (0.0, -0.0)),
            at("np.hypot(x, y)", 0.0, 0.0, (0.0, 0.0)),
            at("np.copysign(x, y)", 0.0, 1.0, (0.0, 0.0)),
            at("np.linalg.norm(x)", [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
            at("np.linalg.norm(x, axis=1)[0]", ROWS, [[0.0, 0.0], [0.0, 0.0]]),
            number("np.linalg.norm(np.stack([x, x]))", 0.0, 0.0),
            number("np.std(np.stack([x, x, x]))", 3.0, 0.0),
            at("np.std(x)", [3.0, 3.0], [0.0, 0.0]),
            at("np.abs(x)", 0.0, 0.0, order=2),
            number("np.linalg.norm(np.stack([x, x]))", 0.0, 0.0, order=2),
            number("np.std(np.stack([x, x, x]))", 3.0, 0.0, order=2),
        ],
        (
            "test_conventions.py::test_vector_norms_at_zero_and_at_zero_rows",
            "test_conventions.py::test_matrix_norms_at_zero",
            "test_conventions.py::test_spread_of_constants",
            "test_decompositions.py::test_norms_of_zero_have_derivative_zero",
        ),
    ),
    Convention(
        "Largest and smallest with ties",
        "The ties share equally, in running extrema those so far; beside a NaN that is left out, the other has it all.",
        [
            *(
                at(f"np.{name}(x, y)", 2.0, 2.0, (0.5, 0.5))
                for name in ("maximum", "minimum", "fmax", "fmin")
            ),
            at("np.maximum(x, 0.0)", 0.0, 0.5),
            at("np.maximum(x, y)", 0.0, -0.0, (0.5, 0.5)),
            at("np.fmax(x, y)", nan, 1.0, (0.0, 1.0)),
            at("np.fmin(x, y)", nan, 1.0, (0.0, 1.0)),
            at("np.max(x)", [1.0, 2.0, 2.0, 2.0], [0.0, 1 / 3, 1 / 3, 1 / 3]),
            at("np.min(-x)", [1.0, 2.0, 2.0, 2.0], [0.0, -1 / 3, -1 / 3, -1 / 3]),
            at("np.max(np.reshape(x, (2, 2)), axis=0)[1]", [1.0, 2.0, 2.0, 2.0], [0.0, 0.5, 0.0, 0.5]),
            at("np.ptp(x)", [1.0, 2.0, 2.0, 2.0], [-1.0, 1 / 3, 1 / 3, 1 / 3]),
            at("np.linalg.norm(x, np.inf)", [1.0, 2.0, 2.0, 2.0], [0.0, 1 / 3, 1 / 3, 1 / 3]),
            at("np.maximum.accumulate(x)[2]", [1.0, 2.0, 2.0, 2.0], [0.0, 0.5, 0.5, 0.0]),
            at("np.logaddexp.reduce(x)", [1.0, inf, inf], [0.0, 0.5, 0.5]),
        ],
        ("test_conventions.py::test_extrema_of_nan_are_nan_with_their_derivatives",),
    ),
    Convention(
        "Clipping and steps at a bound",
        "Bounds count as inside; with crossed bounds NumPy returns the upper one.",
        [
            at("np.clip(x, y, z)", 1.0, 1.0, 2.0, (1.0, 0.0, 0.0)),
            at("np.clip(x, y, z)", 2.0, 1.0, 2.0, (1.0, 0.0, 0.0)),
            at("np.clip(x, y, z)", 0.5, 1.0, 2.0, (0.0, 1.0, 0.0)),
            at("np.clip(x, y, z)", 2.5, 1.0, 2.0, (0.0, 0.0, 1.0)),
            at("np.clip(x, y, z)", nan, 1.0, 2.0, (1.0, 0.0, 0.0)),
            at("np.clip(x, y, z)", 1.5, 2.0, 1.0, (0.0, 0.0, 1.0)),
            at("np.heaviside(x, y)", 0.0, 0.5, (0.0, 1.0)),
            at("np.heaviside(x, y)", 2.0, 0.5, (0.0, 0.0)),
        ],
    ),
    Convention(
        "Order statistics with ties",
        "That of the stable permutation; the weights sum to 1.",
        [
            at("np.sort(x)[1]", [1.0, 2.0, 2.0, 2.0], [0.0, 1.0, 0.0, 0.0]),
            at("np.sort(x)[3]", [1.0, 2.0, 2.0, 2.0], [0.0, 0.0, 0.0, 1.0]),
            at("np.partition(x, 1)[1]", [2.0, 1.0, 2.0], [1.0, 0.0, 0.0]),
            at("np.median(x)", [2.0, 1.0, 2.0], [1.0, 0.0, 0.0]),
            at("np.median(x)", [2.0, 1.0, 2.0, 2.0], [0.5, 0.0, 0.5, 0.0]),
            at("np.quantile(x, 0.25)", [2.0, 2.0, 2.0, 2.0], [0.25, 0.75, 0.0, 0.0]),
        ],
        ("test_selection.py::test_order_statistics_of_ties_take_the_stable_permutation",),
    ),
    Convention(
        "Vertical tangents and poles",
        "The infinite limit. The division by zero behind it gives NumPy's usual warning, also where the function "
        "itself, such as `np.sqrt(0.0)`, gives none.",
        [
            *(at(text, 0.0, inf) for text in ("np.sqrt(x)", "np.cbrt(x)", "x**0.5", "np.power(x, 0.25)")),
            *(at(text, 0.0, -inf) for text in ("1 / x", "x**-1", "np.reciprocal(x)")),
            *(at(text, 0.0, inf) for text in ("np.log(x)", "np.log2(x)", "np.log10(x)")),
            at("np.log1p(x)", -1.0, inf),
            at("np.arcsin(x)", 1.0, inf),
            at("np.arcsin(x)", -1.0, inf),
            at("np.arccos(x)", 1.0, -inf),
            at("np.arccosh(x)", 1.0, inf),
            at("np.arctanh(x)", 1.0, inf),
        ],
    ),
    Convention(
        "Where there is no limit",
        "NaN.",
        [
            at("np.arctan2(x, y)", 0.0, 0.0, (nan, nan)),
            at("np.angle(x)", 0.0, nan),
            at("np.angle(x + 1j * y)", 0.0, 0.0, (nan, nan)),
            at("np.divide(x, y)", 0.0, 0.0, (inf, nan)),
        ],
    ),
    Convention(
        "Powers",
        "Exact in the base, in higher orders too, if the exponent has an integer value. NaN in the exponent if "
        "the base is negative.",
        [
            at("x**0", 0.0, 0.0),
            at("x**0.0", 0.0, 0.0),
            at("np.power(x, y)", 0.0, 0.0, (0.0, 0.0)),
            at("x**2.0", 0.0, 2.0, order=2),
            at("x**1.0", 0.0, 0.0, order=2),
            at("x**3.0", 0.0, 6.0, order=3),
            at("np.power(x, y)", -2.0, 2.0, (-4.0, nan)),
        ],
        (
            "test_conventions.py::test_powers_with_integer_valued_exponents_are_exact_in_the_base",
            "test_conventions.py::test_negative_base_with_a_traced_exponent",
            "test_conventions.py::test_mixed_second_derivative_of_a_power_where_the_exponent_is_zero",
        ),
    ),
    Convention(
        "What a choice leaves out",
        "0, also where the partial behind it is infinite or NaN. So for `where`, masks, indices, `maximum`, `clip`, "
        "`max`, `nan*`.",
        [
            number("np.where(x > 0, np.sqrt(x), 0.0)", -1.0, 0.0),
            at("np.sum(np.where(x > 0, np.sqrt(x), 0.0))", [-1.0, 0.0, 4.0], [0.0, 0.0, 0.25]),
            at("np.sum(np.sqrt(x)[x > 0])", [-1.0, 0.0, 4.0], [0.0, 0.0, 0.25]),
            at("np.sqrt(x)[2]", [-1.0, 0.0, 4.0], [0.0, 0.0, 0.25]),
            at("np.max(np.sqrt(x))", [0.0, 4.0], [0.0, 0.25]),
            at("np.nansum(np.sqrt(x))", [-1.0, 4.0], [0.0, 0.25]),
        ],
        (
            "test_structural_zeros.py::test_untaken_elements_have_derivative_zero",
            "test_structural_zeros.py::test_many_cotangents_at_once",
            "test_selection.py::test_nan_reductions_give_nan_a_zero_and_the_others_what_they_have_without_it",
        ),
    ),
    Convention(
        "Zero times infinity on a path that is taken",
        "NaN: it is not hidden.",
        [at("np.sqrt(x) ** 2", 0.0, nan), at("0.0 * np.sqrt(x)", 0.0, nan)],
        ("test_structural_zeros.py::test_a_product_on_a_taken_path_is_not_hidden",),
    ),
    Convention(
        "Products and determinants with zeros",
        "Exact, in second order too.",
        [
            at("np.prod(x)", [2.0, 0.0, 3.0], [0.0, 6.0, 0.0]),
            at("np.prod(x)", [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
            at("np.cumprod(x)[2]", [2.0, 0.0, 3.0], [0.0, 6.0, 0.0]),
            at("np.linalg.det(x)", SINGULAR, [[4.0, -2.0], [-2.0, 1.0]]),
        ],
        (
            "test_conventions.py::test_products_with_zeros_are_exact_to_third_order",
            "test_conventions.py::test_determinants_are_exact_at_any_rank_in_second_order",
        ),
    ),
    Convention(
        "Equal eigenvalues and singular values",
        "Values, and symmetric functions of them, are finite; vectors are NaN or an error, never a finite guess.",
        [
            at("np.sum(np.linalg.eigvalsh(x))", EQUAL, EQUAL),
            at("np.sum(np.linalg.svd(x)[1])", EQUAL, EQUAL),
        ],
        (
            "test_conventions.py::test_equal_eigenvalues_have_values_but_no_vectors",
            "test_conventions.py::test_symmetric_functions_of_equal_eigenvalues",
            "test_decompositions.py::test_vectors_of_equal_values_are_nan",
            "test_decompositions.py::test_symmetric_functions_of_equal_singular_values_are_finite",
            "test_decompositions.py::test_defective_matrices_raise",
        ),
    ),
    Convention(
        "Factors that do not exist",
        "The error is NumPy's.",
        [
            at("np.linalg.cholesky(x)", [[1.0, 2.0], [2.0, 1.0]], LinAlgError),
            at("np.linalg.inv(x)", SINGULAR, LinAlgError),
            at("np.linalg.solve(x, np.ones(2))", SINGULAR, LinAlgError),
        ],
        ("test_decompositions.py::test_singular_matrices_raise_as_in_numpy",),
    ),
    Convention(
        "Piecewise constant functions",
        "Plain values, without a derivative.",
        [
            at("x > 1.0", [0.5, 2.5], Plain([False, True])),
            at("np.argmax(x)", [0.5, 2.5], Plain(1)),
            at("np.sign(x)", [0.0, -2.5], Plain([0.0, -1.0])),
            at("np.floor(x)", [0.5, 2.5], Plain([0.0, 2.0])),
            at("np.round(x)", [0.5, 2.5], Plain([0.0, 2.0])),
            at("np.isclose(x, 0.5)", [0.5, 2.5], Plain([True, False])),
            at("np.searchsorted(x, 1.0)", [0.5, 2.5], Plain(1)),
            at("x.astype(int)", [0.5, 2.5], Plain([0, 2])),
        ],
        ("test_rules.py::test_piecewise_constant_ufuncs_return_plain_values",),
    ),
    Convention(
        "Python's own functions",
        "What Python does with the values.",
        [
            number("max(x, 0.0)", 1.0, 1.0),
            number("max(x, 0.0)", -1.0, 0.0),
            number("max(x, 0.0)", 0.0, 1.0),
            number("max(0.0, x)", 0.0, 0.0),
            number("sorted([x, 0.0, -5.0])[1]", -2.75, 1.0),
            number("sum([x, x])", -2.75, 2.0),
            number("divmod(x, 2.0)[1]", -2.75, 1.0),
            number("divmod(x, 2.0)[0]", -2.75, Plain(-2.0)),
            number("round(x)", -2.75, Plain(-3)),
        ],
        ("test_conventions.py::test_python_functions_of_a_traced_number_follow_its_value",),
    ),
    Convention(
        "Traced values as objects",
        "They are no `ndarray` and no key; text shows the value; copies stay traced.",
        [
            at("isinstance(x, np.ndarray)", [1.5, 2.5], Plain(False)),
            number("isinstance(x, float)", 1.5, Plain(False)),
            number("f'{x:.3f}'", 1.5, Plain("1.500")),
            number("copy.copy(x) * x", 1.5, 3.0),
            number("copy.deepcopy(x) * x", 1.5, 3.0),
            at("np.sum(copy.deepcopy(x) * x)", [1.5, 2.5], [3.0, 5.0]),
            number("hash(x)", 1.5, ConversionError),
            number("float(x)", 1.5, ConversionError),
            number("pickle.dumps(x)", 1.5, ConversionError),
        ],
        ("test_errors.py::test_conversions",),
    ),
    Convention(
        "Assignment into the argument of the function",
        "It changes a copy of the function's own: the caller's array stays as it is.",
        [at("[operator.setitem(x, 0, x[1] ** 2), np.sum(x)][1]", [1.0, 3.0], [0.0, 7.0])],
        ("test_structures.py::test_the_callers_arrays_never_change",),
    ),
    Convention(
        "Traced values that outlive their function",
        "Their next use raises `LeakError`.",
        [],
        (
            "test_leaks.py::test_scalars",
            "test_leaks.py::test_arrays",
            "test_leaks.py::test_in_a_later_derivative",
        ),
    ),
    Convention(
        "Results and arguments that are no array of numbers",
        "A list, tuple or dictionary is taken as that structure. Truth values and objects cannot be differentiated.",
        [
            number("x", True, DtypeError),
            at("x", [None, 1.0], DtypeError),
        ],
        (
            "test_structures.py::test_jacobian_of_structures_is_output_by_input",
            "test_refused_arguments.py::test_arguments_that_cannot_be_differentiated",
            "test_refused_arguments.py::test_results_that_have_no_derivative",
        ),
    ),
]
