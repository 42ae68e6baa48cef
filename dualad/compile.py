"""Compiled functions: traced once for each form of their arguments, run as native code from then on."""

from __future__ import annotations

import functools
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .errors import ArgumentError, error
from .form import collector, is_dynamic, signature
from .native import available
from .native.prospect import LARGE, SHORT, unit_directions
from .native.scalars import LIMIT, NotScalar, Scalars
from .native.straight import Straight
from .program import Program
from .replay import Replay
from .run import keep_freed_memory
from .select import named
from .simplify import simplified
from .symbol import ReadsTraced, traced
from .tree import flatten

# Of so many elements in all, already writing scalar code takes long, too long to see whether it is SHORT
ELEMENTS = 1_000_000
# Of so many elements, memory that is given up is kept for the next
KEEP = 4096
# Additions that other threads may run Python during
LONG = 50_000
# Programs kept by one compiled function, the least recently used going first
KEPT = 32
# Scalar instructions of Python's that cost as much as one operation of NumPy's
WORTH = 25
# What native code returns where the arguments or the branches are not those it was compiled for
_MISS = object()


class Variant:
    """A function's program for one form of its arguments and one way through its branches, ready to run."""

    __slots__ = ("exact", "interpreter", "module", "native", "program", "rebuild", "why")
    module: Any
    native: Any
    interpreter: Callable[[Sequence[Any]], tuple[list[Any], bool]]

    def __init__(self, f: Callable[..., Any], leaves: Sequence[Any]) -> None:
        program, self.rebuild = traced(f, leaves)
        self.program = simplified(program)
        self.interpreter, self.module, self.exact = Replay(self.program), None, False
        self._choose()
        self.native = None if self.module is None else _function(self.module, lambda *args: _MISS)

    def _choose(self) -> None:
        """Scalar code for short programs, loops for large arrays, else NumPy."""
        missing, values = not available(), self.program.values
        sizes = [math.prod(value.shape) for value in values if value.op is not None]
        large = not missing and max(sizes, default=0) >= LARGE
        rolled = any("body" in value.kwargs for value in values)
        if max(sizes, default=0) >= KEEP:
            keep_freed_memory()
        sparse = unit_directions(values)
        dense = large and not rolled and not sparse
        if dense and (max(sizes) > SHORT or sum(sizes) > ELEMENTS):
            scalars, self.why = None, "its arrays are large"
        else:
            limit = SHORT if dense or rolled else LIMIT
            scalars, self.why = _scalars(self.program, limit, large and sparse and not rolled)
        if large and (scalars is None or (dense and scalars.code.cost() > SHORT)):
            from .native.steps import Steps

            steps = Steps(self.program)
            if steps.module is not None:
                self.interpreter = steps
                return
            if scalars is None and not rolled:
                scalars, self.why = _scalars(self.program, LIMIT)
        if scalars is not None and not missing:
            self.module = _module(self.program, scalars)
        elif scalars is not None:
            self.why = "llvmlite is not installed: pip install dualad[compile]"
            if not scalars.code.repeats and len(scalars.code.instructions) <= WORTH * len(self.program):
                self.interpreter = Interpreted(Straight(self.program, scalars), Replay(self.program))

    def use_numpy(self) -> None:
        """A branch of this function depends on last digits, and native code's are others."""
        self.module, self.native, self.exact = None, None, True
        self.interpreter = Replay(self.program)

    def run(self, leaves: Sequence[Any]) -> Any:
        """The results' leaves, or `_MISS` where another branch is taken."""
        native = self.native  # another thread may find that it must go
        if native is None:
            found, held = self.interpreter(leaves)
            return found if held else _MISS
        found = native(*leaves)
        if found is _MISS:  # the arrays may lie otherwise in memory
            found = native(*[np.ascontiguousarray(x) if isinstance(x, np.ndarray) else x for x in leaves])
        return found if found is _MISS or len(self.program.outputs) != 1 else (found,)


class Interpreted:
    """Python's arithmetic, and NumPy's where that raises: NumPy has a limit there."""

    __slots__ = ("_replay", "_straight")

    def __init__(self, straight: Straight, replay: Replay) -> None:
        self._straight, self._replay = straight, replay

    def __call__(self, leaves: Sequence[Any]) -> tuple[list[Any], bool]:
        try:
            return self._straight(leaves)
        except (ArithmeticError, ValueError):
            return self._replay(leaves)


def _scalars(program: Program, limit: int, sparse: bool = False) -> tuple[Scalars | None, str]:
    """The scalar code of a program, of at most `limit` instructions, or why there is none."""
    values = [program.values[k] for k in (*program.inputs, *program.outputs)]
    if any(v.dtype != np.float64 or v.form not in (float, np.generic, np.ndarray) for v in values):
        return None, "its arguments or results are not all of double precision"
    try:
        return Scalars(program, limit, sparse), ""
    except NotScalar as reason:
        return None, f"it has {reason}"


def _module(program: Program, scalars: Scalars) -> Any:
    from .native import call, engine, llvm

    inputs, outputs = ([program.values[k] for k in ks] for ks in (program.inputs, program.outputs))
    guards = [(k, guard.expected) for k, guard in zip(scalars.guards, program.guards, strict=True)]
    text = llvm.kernel(scalars.code, scalars.outputs, guards)
    entry = call.entry(inputs, outputs, scalars.code.cost() > LONG)
    return engine.Module(text + "\n\n" + entry, level=1)


def _function(module: Any, slow: Callable[..., Any]) -> Any:
    from .native import call

    return call.function(module, slow)


class Compiled:
    """A compiled function. It takes what the function takes, and returns what it returns.

    A traced argument, of a derivative or of another compilation, runs the function itself.
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        functools.update_wrapper(self, f)
        self._f = f
        self._variants: OrderedDict[Any, list[Variant]] = OrderedDict()
        self._lock = threading.Lock()
        self._fast: Callable[..., Any] = self._found
        self._named: Callable[..., Any] = self._found  # with arguments by name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._fast(*args) if not kwargs else self._named(*args, **kwargs)

    def _found(self, *args: Any, **kwargs: Any) -> Any:
        """Any call that the last one's native code does not take."""
        form = signature((args, kwargs))
        if form is None:
            return self._f(*args, **kwargs)
        leaves, rebuild = flatten((args, kwargs))
        dynamic = [k for k, x in enumerate(leaves) if is_dynamic(x)]
        given = [leaves[k] for k in dynamic]
        with self._lock:
            variants = list(self._variants.get(form, ()))
        for variant in variants:
            found = variant.run(given)
            if found is not _MISS:
                self._install(variant, args, kwargs)
                return variant.rebuild(found)

        def f(*xs: Any) -> Any:
            whole = list(leaves)
            for k, x in zip(dynamic, xs, strict=True):
                whole[k] = x
            inner_args, inner_kwargs = rebuild(whole)
            return self._f(*inner_args, **inner_kwargs)

        try:
            variant = Variant(f, given)
        except ReadsTraced:  # from outside: the enclosing derivative goes through the function itself
            return self._f(*args, **kwargs)
        if any(other.exact for other in variants):
            variant.use_numpy()
        with self._lock:
            self._variants.setdefault(form, []).insert(0, variant)
            self._variants.move_to_end(form)
            while sum(map(len, self._variants.values())) > KEPT:
                oldest = next(iter(self._variants))
                self._variants[oldest].pop()
                if not self._variants[oldest]:
                    del self._variants[oldest]
        found = variant.run(given)
        if found is _MISS:
            for other in (variant, *variants):
                other.use_numpy()
            found = variant.run(given)
        self._install(variant, args, kwargs)
        return variant.rebuild(found)

    def _install(self, variant: Variant, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Let the next call go straight to the variant, if it has arguments of this form."""
        native, rebuild = variant.native, variant.rebuild
        one = len(variant.program.outputs) == 1
        if native is not None and not kwargs and all(map(is_dynamic, args)):
            if one and rebuild([_MISS]) is _MISS:
                self._fast = _function(variant.module, self._found)
                return

            def direct(*args: Any) -> Any:
                found = native(*args)
                return self._found(*args) if found is _MISS else rebuild((found,) if one else found)

            self._fast = direct
            return
        collect = collector((args, kwargs), checks=native is None)
        if collect is None:
            return

        def fast(*args: Any, **kwargs: Any) -> Any:
            leaves: list[Any] = []
            if collect((args, kwargs), leaves):
                found = variant.run(leaves) if native is None else native(*leaves)
                if found is not _MISS:
                    return rebuild((found,) if one and native is not None else found)
            return self._found(*args, **kwargs)

        if kwargs:
            self._named = fast
        else:
            self._fast = fast

    def _variant(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Variant:
        form = signature((args, kwargs))
        if form is None:
            raise error(ArgumentError, f"{named(self._f)} was asked for its program of traced values")
        self._found(*args, **kwargs)
        with self._lock:
            return self._variants[form][0]

    def program(self, *args: Any, **kwargs: Any) -> Program:
        """The simplified program for such arguments."""
        return self._variant(args, kwargs).program

    def llvm(self, *args: Any, **kwargs: Any) -> str:
        """LLVM's text of the native code for such arguments."""
        return str(self._module(args, kwargs).text)

    def assembly(self, *args: Any, **kwargs: Any) -> str:
        """The machine's instructions for such arguments."""
        return str(self._module(args, kwargs).assembly())

    def c_callable(self, *args: Any, **kwargs: Any) -> Any:
        """A C function for such arguments, which C code may call: with `.address`, `.ctypes`, `.low_level()`.

        For functions of numbers and arrays that return one number. The signature is `double (double)` for one
        number, else `double (int, double *)` for all numbers of the arguments, one behind the other.
        """
        from .native.ahead import c_function

        return c_function(self._exportable(args, kwargs), named(self._f))

    def save(self, path: Any, *args: Any, **kwargs: Any) -> Any:
        """Write native code for such arguments to `path.o`, an object file, and its C header to `path.h`.

        returns: the two paths
        """
        from pathlib import Path

        from .native.ahead import save

        return save(self._exportable(args, kwargs), Path(path))

    def _module(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        variant = self._variant(args, kwargs)
        module = variant.module or getattr(variant.interpreter, "module", None)
        if module is None:
            raise self._no_native_code(variant.why)
        return module

    def _exportable(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Program:
        """The program, which runs without Python, in scalar code."""
        variant = self._variant(args, kwargs)
        if variant.module is None:
            missing = not available()
            scalars, why = _scalars(variant.program, LIMIT)
            if missing or scalars is None:
                raise self._no_native_code(variant.why if missing else why)
        return variant.program

    def _no_native_code(self, why: str) -> Exception:
        return error(
            ArgumentError,
            f"{named(self._f)} has no native code: {why}",
            "compiled.program(...) shows the program, which NumPy runs",
        )


def compile(f: Callable[..., Any]) -> Compiled:
    """Compile a function, or a derivative of one: `compile(grad(f))`, `compile(hessian(f))` and so on.

    The first call traces the function for the shapes and dtypes of its arguments; later calls with such
    arguments run native code (of scalar operations, for programs of up to 600,000 of them in double precision;
    fused loops for large arrays). Other programs, and all without llvmlite, run without Python's overhead of
    differentiation, through NumPy. Numbers and arrays are variables; integers, strings, functions and other
    values are part of the form, and another one is traced anew, as is another branch of an `if` on a traced
    value. A constant 0 from a derivative's own unit directions annihilates what it is multiplied with,
    infinities too.

    f: function of numbers, arrays and nested containers of them, without side effects: what it reads from
        elsewhere (globals, random numbers, files) stays as it was when it was traced, and what it prints or
        appends, it does then
    returns: a function of the same arguments; also with `.program(*args)`, `.llvm(*args)`, `.assembly(*args)`,
        `.c_callable(*args)`, `.save(path, *args)`
    raises: at a call, TraceError where the result's shape depends on values, or what it does needs plain ones

    >>> g = dualad.compile(dualad.grad(lambda x: np.sum(x[1:] * x[:-1])))
    >>> g(np.array([1.0, 2.0, 3.0]))
    array([2., 4., 2.])
    """
    return Compiled(f)


def backend_info() -> dict[str, Any]:
    """What compiled functions run on: the native backend and its version, or why there is none.

    returns: dict with `backend`, 'LLVM' or 'NumPy'; with LLVM `llvmlite`, a version, `width`, how many doubles loops
        compute at a time, and `libmvec`, whether glibc has functions of so many; else `why`

    >>> backend_info()["backend"]
    'LLVM'
    """
    if not available():
        return {"backend": "NumPy", "why": "llvmlite is not installed: pip install dualad[compile]"}
    import llvmlite

    from .native.vectors import vectors

    width, functions = vectors()
    return {
        "backend": "LLVM",
        "llvmlite": llvmlite.__version__,
        "width": width,
        "libmvec": bool(functions),
    }
