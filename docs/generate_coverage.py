"""Write docs/reference/coverage.md: every public function of NumPy, and what dualad knows of it.

python docs/generate_coverage.py
"""

import inspect
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
import dualad.rules.grids  # noqa: F401 (fills the registry)
from docs.evaluations import MODULES, evaluations, refused
from docs.tested import summary as tested
from dualad.op import OPS, UNSUPPORTED, Composite
from dualad.tree import flatten

PAGE = Path(__file__).parent / "reference" / "coverage.md"
NAMESPACES = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft}

# Functions that no value under differentiation is given to.
NOT_APPLICABLE = {
    "makes an array from sizes, numbers or plain data": (
        "arange array asanyarray asarray asarray_chkfinite ascontiguousarray asfortranarray asmatrix bmat require "
        "empty eye full identity ones zeros tri fromfunction fromiter fromstring frombuffer from_dlpack"
    ),
    "makes a window or frequencies from a size": "bartlett blackman hamming hanning kaiser fftfreq rfftfreq",
    "makes indices from shapes": (
        "indices diag_indices diag_indices_from mask_indices tril_indices tril_indices_from triu_indices "
        "triu_indices_from unravel_index ravel_multi_index nested_iters"
    ),
    "takes integers": (
        "bitwise_count bitwise_left_shift bitwise_right_shift left_shift right_shift gcd lcm packbits "
        "unpackbits base_repr binary_repr"
    ),
    "reads or writes files": "fromfile fromregex genfromtxt load loadtxt save savetxt savez savez_compressed",
    "prints or formats": (
        "format_float_positional format_float_scientific get_printoptions set_printoptions printoptions "
        "show_config show_runtime info get_include"
    ),
    "is about types, shapes or memory": (
        "broadcast_shapes einsum_path isdtype isfortran isscalar issubdtype iterable mintypecode "
        "promote_types typename"
    ),
    "is deprecated, and calls its successor, which has a rule": "trapz row_stack",
    "is about times": (
        "busday_count busday_offset is_busday isnat datetime_as_string datetime_data"
    ),
    "sets how NumPy behaves, or makes functions": (
        "geterr seterr geterrcall seterrcall getbufsize setbufsize frompyfunc test"
    ),
}  # fmt: skip
WHY_NOT = {name: reason for reason, names in NOT_APPLICABLE.items() for name in names.split()}


def public(namespace):
    """Its functions by name: no classes, no modules."""
    things = {name: getattr(namespace, name) for name in dir(namespace) if not name.startswith("_")}
    return {
        name: thing
        for name, thing in things.items()
        if callable(thing) and not isinstance(thing, type) and not inspect.ismodule(thing)
    }


def kind(name, function):
    """How dualad takes a function: its kind, or `unsupported` or `not applicable`; None where nobody has said."""
    if function in OPS:
        return OPS[function].kind
    if function in UNSUPPORTED:
        return "unsupported"
    return "not applicable" if name in WHY_NOT else None


def parameters(function):
    """The names of what a function takes, in order."""
    op = OPS[function]
    if isinstance(op, Composite):
        code = op.function.__code__
        named = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4)]
        return list(named), code.co_argcount, bool(code.co_flags & 4)
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        names = []
    count = getattr(function, "nin", len(op.rules))
    if len(names) < count or isinstance(function, np.ufunc):
        names = [f"x{k + 1}" for k in range(count)] if count > 1 else ["x"]
    return names, count, False


def differentiable(function):
    """The arguments that the examples, from which the tests are made, differentiate in."""
    op = OPS[function]
    names, count, starred = parameters(function)
    found = set()
    for args, _ in op.examples(np.random.default_rng(0)) if op.examples else []:
        for k, arg in enumerate(args):
            rule = op.active[k] if not isinstance(op, Composite) and len(op.active) > k else True
            if rule and any(np.asarray(x).dtype.kind in "fc" for x in flatten(arg)[0] if not callable(x)):
                found.add(k)
    label = lambda k: names[k] if k < count or not starred else "*" + names[-1]  # noqa: E731
    return list(dict.fromkeys(label(k) for k in sorted(found)))


def row(path, name, function):
    """A line of the table."""
    how = kind(name, function)
    if how in ("unsupported", "not applicable"):
        cells = [how, UNSUPPORTED.get(function) or WHY_NOT[name], ""]
    elif how == "plain":
        cells = [how, "piecewise constant: plain values", "all"]
    else:
        active = differentiable(function)
        names, _, starred = parameters(function)
        names = names[:-1] if starred else names
        rest = [n for n in names if n not in active and n not in ("out", "x1", "x2")]
        keywords = rest if isinstance(OPS[function], Composite) else []
        cells = [how, ", ".join(f"`{n}`" for n in active), ", ".join(f"`{n}`" for n in keywords)]
    return f"| `{path}.{name}` | {' | '.join(cells)} |"


def polynomials():
    """The section on the evaluation functions of np.polynomial: found out by calling them."""
    lines = [
        "## np.polynomial, evaluation",
        "",
        "These are plain Python in NumPy, and run on traced values as they are. Where that would be wrong they raise,",
        "and say what to write.",
        "",
        "| function | differentiable in | raises for traced |",
        "|---|---|---|",
    ]
    for module in MODULES:
        path = module.__name__.replace("numpy", "np")
        for name, function in sorted(evaluations(module).items()):
            active, raised = refused(name, function)
            label = f"{path}.{name}" + ("(c)(x)" if name[0].isupper() else "")
            lines.append(f"| `{label}` | {', '.join(f'`{k}`' for k in active)} | {raised} |")
    return [*lines, ""]


def page():
    """The page as text."""
    counts: dict[str, int] = {}
    lines = []
    for path, namespace in NAMESPACES.items():
        found = public(namespace)
        lines += [f"## {path}", "", "| function | kind | differentiable in, or why not | further arguments |"]
        lines += ["|---|---|---|---|"]
        for name, function in sorted(found.items()):
            how = kind(name, function) or "nothing said"
            counts[how] = counts.get(how, 0) + 1
            lines.append(row(path, name, function))
        lines.append("")
    summary = ", ".join(f"{n} {how}" for how, n in sorted(counts.items(), key=lambda item: -item[1]))
    head = [
        "# What is covered",
        "",
        f"Every public function of NumPy {np.__version__}: {summary}. Both modes, vectorised Jacobians and higher",
        "derivatives follow from one declaration, so a function has all of them or none. A keyword that is not",
        "listed raises `KeywordError`; an unsupported function raises `NoRuleError`.",
        "",
        tested(),
        "A test keeps every keyword that a rule accepts in at least one of the examples.",
        "",
        "This page is written by `docs/generate_coverage.py` from the registry.",
        "",
    ]
    return "\n".join([*head, *lines, *polynomials()])


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
