"""Which operation a wrong derivative comes from.

The function is run on values that note every operation with its arguments and the user's line. Each is then compared
by itself, as a function of its traced arguments at the values it met. Where all are right, the derivative was lost
between them: a second run, at a point nearby, shows which number moved without being traced, or where the two part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .comparison import Comparison, Mismatch, Tolerance, Trouble, told
from .count import Counted, counted
from .custom import Written
from .differences import STEP
from .errors import user_line
from .ledger import Ledger
from .op import Op, primal
from .tracer import next_number
from .tree import Rebuild, flatten

MOST = 2000  # operations that are compared: a long loop's are sampled
NAMED = 3  # that a message names
STRICTER = 10  # than for the function, of which an operation is a part


class Use(NamedTuple):
    """One operation of a run: its arguments, which of them are traced, its result, and the user's line."""

    op: Op
    args: tuple[Any, ...]
    traced: tuple[bool, ...]
    kwargs: dict[str, Any]
    y: Any
    line: str


class Accusation(NamedTuple):
    """What a message says of where the fault is: sentences, the change that works, and the user's line."""

    problems: list[str]
    fix: str
    line: str | None


class Log(Ledger):
    """A ledger of operations in place of their counts."""

    __slots__ = ("uses",)

    def __init__(self) -> None:
        super().__init__()
        self.uses: list[Use] = []

    def evaluated(self, op: Op, values: Sequence[Any], kwargs: dict[str, Any], traced: Sequence[bool]) -> Any:
        y = op.on_primals(values, kwargs) if op.kind == "plain" else op.result(values, kwargs)
        self.uses.append(Use(op, tuple(values), tuple(traced), kwargs, y, user_line()))
        return y


def logged(f: Callable[..., Any], leaves: Sequence[Any], rebuild: Rebuild) -> tuple[list[Use], list[Any]]:
    """The operations of a run of `f` at these leaves, and the leaves of its result that are constants."""
    log, number = Log(), next_number()
    found = flatten(f(*rebuild([counted(x, log, number) for x in leaves])))[0]
    return log.uses, [None if isinstance(v, Counted) else v for v in found]


def accused(
    f: Callable[..., Any],
    leaves: Sequence[Any],
    rebuild: Rebuild,
    found: Comparison,
    modes: Sequence[str],
    tolerance: Tolerance,
    rng: np.random.Generator,
) -> Accusation:
    """What is behind the mismatches of a function."""
    trouble = found.mismatches[0].trouble
    try:
        uses = logged(f, leaves, rebuild)[0]
        if trouble:
            return _parting(f, leaves, rebuild, found.v, trouble) or _without(
                uses, modes, tolerance, rng, trouble
            )
        wrong = _wrong(uses, modes, tolerance, rng) or _parting(f, leaves, rebuild, found.v, None)
        return wrong or Accusation(["  every operation of the function is right by itself"], "", None)
    except (
        ArithmeticError,
        TypeError,
        ValueError,
        IndexError,
        AttributeError,
    ) as problem:  # not one run by itself
        return Accusation([f"  which operation it is was not found: {problem}"], "", None)


def _wrong(
    uses: Sequence[Use], modes: Sequence[str], tolerance: Tolerance, rng: np.random.Generator
) -> Accusation | None:
    """The operations whose rules are wrong, each named once, in the order of the run."""
    tolerance = Tolerance(tolerance.rtol / STRICTER, tolerance.atol / STRICTER)
    named: dict[tuple[Op, str], str] = {}
    fix, first = "", None
    for use in uses[:: max(1, -(-len(uses) // MOST))]:
        if (use.op, use.line) in named:
            continue
        places = _places(use)
        mismatches = _alone(use, places, modes, tolerance, rng)
        if not mismatches or mismatches[0].trouble:
            continue
        which = _rule(use.op, use.kwargs, mismatches)
        single = [k for k in places if _alone(use, [k], modes, tolerance, rng)]
        where = f" in argument {', '.join(map(str, single))}" if single and len(use.args) > 1 else ""
        named[use.op, use.line] = (
            f"  {use.op.name}: its {which}{where} is off by itself: {told(mismatches)[0]}"
        )
        if first is None:
            fix, first = _correction(use, which), use.line
        elif use.line != first:
            named[use.op, use.line] += f"\n    at {use.line}"
        if len(named) == NAMED:
            break
    return Accusation([*named.values()], fix, first) if named else None


def _without(
    uses: Sequence[Use],
    modes: Sequence[str],
    tolerance: Tolerance,
    rng: np.random.Generator,
    trouble: Trouble,
) -> Accusation:
    """The first operation that has itself no derivative at the values it met."""
    for use in uses[:: max(1, -(-len(uses) // MOST))]:
        mismatches = _alone(use, _places(use), modes, tolerance, rng)
        if mismatches and mismatches[0].trouble:
            return Accusation([f"  {use.op.name}, by itself: {told(mismatches)[0]}"], trouble.fix, use.line)
    return Accusation([], trouble.fix, None)


def _places(use: Use) -> list[int]:
    """The traced arguments that a derivative is taken in."""
    if use.op.kind == "plain":
        return []
    return [
        k
        for k, (v, on) in enumerate(zip(use.args, use.traced, strict=True))
        if on
        and (type(v) is float or v.dtype.kind in "fc")
        and (use.op.variadic or use.op.rules[k] is not None)
    ]


def _alone(
    use: Use, places: Sequence[int], modes: Sequence[str], tolerance: Tolerance, rng: np.random.Generator
) -> list[Mismatch]:
    """What is off about an operation as a function of the arguments in these places."""

    def alone(*xs: Any) -> Any:
        args = list(use.args)
        for k, x in zip(places, xs, strict=True):
            args[k] = x
        return use.op(*args, **use.kwargs)

    if not places:
        return []
    with np.errstate(all="ignore"):
        return Comparison(alone, [use.args[k] for k in places], tuple, modes, tolerance, rng).mismatches


def _rule(op: Op, kwargs: dict[str, Any], mismatches: Sequence[Mismatch]) -> str:
    """Which rule of an operation is to blame."""
    off = {mismatch.mode for mismatch in mismatches}
    rule = getattr(kwargs.get("call"), "rule", None)
    if isinstance(rule, Written):
        given = {"forward mode": rule.pushforward, "reverse mode": rule.pullback}
        names = {"forward mode": "pushforward", "reverse mode": "pullback"}
        blamed = [names[mode] for mode in names if mode in off and given[mode] is not None]
        # The rule that was given is the other one, from which this is derived.
        return " and ".join(blamed) or next(names[m] for m in names if given[m] is not None)
    if op.kind == "joint":
        return "derivative"
    if "forward mode" not in off:
        return "pullback" if op.kind == "general" else "adjoint"
    return "partial derivative" if op.kind == "elementwise" else "pushforward"


def _correction(use: Use, which: str) -> str:
    op = use.op
    if isinstance(getattr(use.kwargs.get("call"), "rule", None), Written):
        meant = {
            "pushforward": "the Jacobian times the tangents",
            "pullback": "the cotangent times the Jacobian",
        }
        forms = [f"{meant[part]}, with {part}=" for part in which.split(" and ")]
        return f"give custom_rule what is, at these values, {'; and '.join(forms)}"
    if op.kind == "joint":
        return "let what its rule runs, a condition or the function again, compute from its arguments alone"
    rules = [r for r in (*op.rules, *(op.pulls or ())) if callable(r)]
    if any(r.__module__.startswith("dualad.") for r in rules):
        return "another form of the formula; and please report it, as this rule is the library's"
    return f"correct the {which} in the declaration of {op.name}, {op.kind}(...)"


def _parting(
    f: Callable[..., Any], leaves: Sequence[Any], rebuild: Rebuild, v: Sequence[Any], trouble: Trouble | None
) -> Accusation | None:
    """Where runs at two points nearby take other ways, or a number moves that is not traced."""
    h = STEP**2

    def run(t: float) -> tuple[list[Use], list[Any]]:
        moved = [
            x + t * dx if type(x) is float else x + x.dtype.type(t) * dx
            for x, dx in zip(leaves, v, strict=True)
        ]
        with np.errstate(all="ignore"):
            return logged(f, moved, rebuild)

    (before, constants), (after, others) = run(-h), run(h)
    fix = (
        "NumPy's functions in place of float(), .item() and kin, or custom_rule; where primal or stop_gradient left "
        "the derivative out on purpose, values cannot tell: check the function with that part as a constant"
    )
    fix = trouble.fix if trouble else fix
    for a, b in zip(before, after, strict=False):
        if a.op is not b.op or a.line != b.line:
            return Accusation([f"  its run takes another branch there, from {a.op.name} on"], fix, a.line)
        given = [
            (f"argument {k}", *pair, on)
            for k, (*pair, on) in enumerate(zip(a.args, b.args, a.traced, strict=False))
        ]
        given += [(f"{key}=", v, b.kwargs.get(key), False) for key, v in a.kwargs.items()]
        for place, x, z, traced in given:
            if not traced and not _same(x, z):
                what = (
                    f"  {a.op.name} takes as {place} a constant to derivatives that moves with the arguments"
                )
                return Accusation([f"{what}: {_shown(x)}, then {_shown(z)}"], fix, a.line)
    if len(before) != len(after):
        extra = max(before, after, key=len)[min(len(before), len(after))]
        return Accusation([f"  its run takes another branch there, from {extra.op.name} on"], fix, extra.line)
    for x, z in zip(constants, others, strict=False):
        if not _same(x, z):
            what = "  it returns a constant to derivatives that moves with the arguments"
            return Accusation([f"{what}: {_shown(x)}, then {_shown(z)}"], fix, None)
    return None


def _same(x: Any, z: Any) -> bool:
    if isinstance(x, (list, tuple)) and isinstance(z, (list, tuple)):
        return len(x) == len(z) and all(map(_same, x, z))
    x, z = primal(x), primal(z)
    if isinstance(x, (np.ndarray, np.generic, float, int, complex)):
        return bool(np.array_equal(x, z, equal_nan=np.asarray(x).dtype.kind in "fc"))
    return True


def _shown(v: Any) -> str:
    if isinstance(v, (list, tuple)):
        return f"({', '.join(map(_shown, v))})"
    return np.array2string(np.asarray(primal(v)), precision=10, threshold=6, edgeitems=2).replace("\n", "")
