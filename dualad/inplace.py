"""`@inplace`: functions that fill arrays of their own, run unchanged on traced values.

A plain array cannot hold a traced value. So a call with traced arguments runs a copy of the function: the same
code, over globals in which NumPy's creation functions make traced arrays, and in which the user's own functions
and modules are replaced likewise, as they are looked up. NumPy and the user's modules are never touched: whoever
else looks at them, another thread or the same function with plain arguments, sees them as they are.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from types import CellType, CodeType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from .creation import CREATION, highest, made_to_fill
from .errors import ArgumentError, error

F = Callable[..., Any]

_PARTIAL: Any = functools.partial
_REPLACED = frozenset(map(type, CREATION)) | {FunctionType, MethodType, ModuleType, _PARTIAL}
_HERE = os.path.dirname(__file__) + os.sep
_STANDARD = os.path.dirname(os.path.abspath(os.__file__)) + os.sep


def inplace(f: F) -> F:
    """Let `f` fill arrays that it makes itself: `y = np.zeros(3); y[0] = x` on traced values, unchanged.

    Called with traced arguments (or traced variables of a function around it), `f` runs as a copy in which
    `zeros ones empty full eye identity array asarray copy linspace arange`, `zeros_like` and its kin give traced
    arrays. So do they in what `f` calls: your own functions in this module and in others, nested, recursive,
    decorated or imported in the body, and functions passed to it. Nothing outside of the copy changes, NumPy
    included, and with plain arguments `f` runs as it is.

    Not replaced: methods, classes and callable objects (decorate the method itself), installed packages,
    functions in lists and dicts, functions that assign a `global`, define a class or call `eval`. What they make
    stays plain, and to assign a traced value into that raises the usual ConversionError. As functions are copied
    where they are looked up by name, `is` sees a difference between a copy and one kept in a list. A cache of your
    own that keeps an array made in a copy keeps a traced one, which raises LeakError later.

    f: Python function or method; as a decorator or as `inplace(f)`
    returns: a function of the same arguments
    raises: ArgumentError if `f` is no Python function, or is one that cannot be copied: see above

    >>> @dualad.inplace
    ... def f(x):
    ...     y = np.zeros(3)
    ...     y[0] = x[0] ** 2
    ...     y[1:] = x[1] * y[0]
    ...     return np.sum(y)
    >>> dualad.grad(f)(np.array([3.0, 2.0]))
    array([30., 18.])
    """
    function = f
    while isinstance(function, (MethodType, _PARTIAL)):
        function = function.__func__ if isinstance(function, MethodType) else function.func
    if not isinstance(function, FunctionType):
        raise error(ArgumentError, f"inplace needs a Python function, not {f!r}", "put it on a def")
    reason = _obstacle(function.__code__)
    if reason:
        raise error(
            ArgumentError,
            f"inplace runs a copy of {function.__qualname__}, which {reason}: a copy cannot do that",
            "keep it in a function of its own, or leave inplace away and make arrays with np.zeros_like(x)",
        )
    registry: dict[Any, Any] = {}

    @functools.wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        top = highest(*args, *kwargs.values(), *_free(function))
        if top is None or type(function.__globals__) is _Globals:
            return f(*args, **kwargs)
        return _start(_Copies(top, function, registry), f, args, kwargs)

    return run


def _start(copies: _Copies, f: F, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The frame that those of the copies lie above."""
    try:
        return copies.of(f)(*map(copies.of, args), **{key: copies.of(v) for key, v in kwargs.items()})
    finally:
        copies.top = None  # what outlives the call, in a list of the user's, makes plain arrays from now on
        copies.made.clear()  # they hold each other, and would wait for the garbage collector
        copies.cells.clear()
        copies.globals.clear()


def _free(f: FunctionType) -> tuple[Any, ...]:
    """Values of the variables that `f` has from a function around it."""
    return tuple(value for cell in f.__closure__ or () for value in _contents(cell))


def _contents(cell: CellType) -> tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:  # a variable that has no value yet
        return ()


@functools.lru_cache(4096)
def _own(path: str) -> bool:
    """Whether a file is the user's: not ours, the standard library's or an installed package's."""
    if path.startswith("<"):  # typed in
        return not path.startswith("<frozen ")
    path = os.path.abspath(path)
    installed = {"site-packages", "dist-packages"} & set(path.split(os.sep))
    return not installed and not path.startswith((_HERE, _STANDARD))


def _own_module(module: ModuleType) -> bool:
    path = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
    return _own(path) if path else module.__name__ not in sys.builtin_module_names


@functools.lru_cache(4096)
def _obstacle(code: CodeType) -> str | None:
    """What keeps a function from running over other globals: what CPython does in the dict itself."""
    import dis  # needed at decoration alone

    for step in dis.get_instructions(code):
        if step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            return f"assigns the global {step.argval}"
        if step.opname == "LOAD_BUILD_CLASS":
            return "defines a class"
        if step.opname == "LOAD_GLOBAL" and step.argval in ("eval", "exec", "globals"):
            return f"calls {step.argval}"
    return next(filter(None, (_obstacle(c) for c in code.co_consts if isinstance(c, CodeType))), None)


@functools.lru_cache(4096)
def _rebound(code: CodeType) -> frozenset[str]:
    """Variables of functions around it that a function assigns (`nonlocal`)."""
    import dis

    names = {
        str(step.argval)
        for step in dis.get_instructions(code)
        if step.opname in ("STORE_DEREF", "DELETE_DEREF")
    }
    inner = [_rebound(c) for c in code.co_consts if isinstance(c, CodeType)]
    return frozenset(names.union(*inner)) & frozenset(code.co_freevars)


class _Copies:
    """What the names of one call stand for: each function, module and cell has one copy, made when it is met."""

    __slots__ = ("cells", "function", "globals", "made", "registry", "top")

    def __init__(self, top: Any, function: FunctionType, registry: dict[Any, Any]) -> None:
        self.top, self.function, self.registry = top, function, registry
        self.made: dict[Any, Any] = {}
        self.cells: dict[int, tuple[CellType, CellType]] = {}
        self.globals: dict[int, _Globals] = {}

    def of(self, value: Any) -> Any:
        """What stands for `value` in the copies: most often itself."""
        if type(value) not in _REPLACED:
            return value
        found = self.made.get(value)
        if found is None:
            found = self.made[value] = self._copy(value)
        return found

    def _copy(self, value: Any) -> Any:
        if type(value) is FunctionType and value not in CREATION:
            return self._function(value)
        if type(value) is ModuleType:
            return _Module(self, value) if value is np or _own_module(value) else value
        if type(value) is MethodType:
            function = self.of(value.__func__)
            return value if function is value.__func__ else MethodType(function, value.__self__)
        if type(value) is _PARTIAL:
            parts = [value.func, *value.args, *value.keywords.values()]
            copies = list(map(self.of, parts))
            if all(a is b for a, b in zip(parts, copies, strict=True)):
                return value
            n = 1 + len(value.args)
            return _PARTIAL(*copies[:n], **dict(zip(value.keywords, copies[n:], strict=True)))
        return _PARTIAL(_make, self, value) if value in CREATION else value

    def _function(self, f: FunctionType) -> Any:
        code, names = f.__code__, f.__globals__
        if type(names) is _Globals:
            return f
        if code.co_filename.startswith(_HERE):
            return self._wrapper(f)
        if f is not self.function and (not _own(code.co_filename) or _obstacle(code)):
            return f
        closure = [
            self._cell(cell, name in _rebound(code))
            for name, cell in zip(code.co_freevars, f.__closure__ or (), strict=True)
        ]
        if f in self.made:  # by way of its own closure
            return self.made[f]
        ours = self.globals.get(id(names))
        if ours is None:
            untyped: Any = f  # not every stub knows its builtins
            ours = self.globals[id(names)] = _Globals(self, names, untyped.__builtins__)
        copy = FunctionType(code, ours, f.__name__, _each(self.of, f.__defaults__), tuple(closure))
        if f.__kwdefaults__:
            copy.__kwdefaults__ = {key: self.of(v) for key, v in f.__kwdefaults__.items()}
        copy.__qualname__, copy.__module__, copy.__doc__ = f.__qualname__, f.__module__, f.__doc__
        copy.__dict__ = f.__dict__  # shared: a function may count its calls there
        return copy

    def _wrapper(self, f: FunctionType) -> Any:
        """A derivative of a user's function, or such: the same code of ours, around the copy."""
        cells = list(f.__closure__ or ())
        found = [next(iter(_contents(cell)), None) for cell in cells]
        copies = [self.of(v) if type(v) is FunctionType else v for v in found]
        if all(a is b for a, b in zip(found, copies, strict=True)):
            return f
        closure = tuple(
            cell if a is b else CellType(b) for cell, a, b in zip(cells, found, copies, strict=True)
        )
        copy = FunctionType(f.__code__, f.__globals__, f.__name__, f.__defaults__, closure)
        copy.__kwdefaults__ = f.__kwdefaults__
        return functools.update_wrapper(copy, f)

    def _cell(self, cell: CellType, rebound: bool) -> CellType:
        """A cell of its own for a variable whose value is replaced; all others are shared."""
        if id(cell) not in self.cells:
            new = CellType()
            self.cells[id(cell)] = cell, new  # before its value: that may be a function that refers to itself
            value = next(iter(_contents(cell)), None)
            new.cell_contents = self.of(value)
            if new.cell_contents is value:
                self.cells[id(cell)] = cell, cell
        old, new = self.cells[id(cell)]
        if rebound and new is not old:
            raise error(
                ArgumentError,
                f"a function under inplace assigns a nonlocal variable that holds {old.cell_contents!r}: "
                "a copy cannot do that",
                "keep it in a list or a dict, or leave inplace away and make arrays with np.zeros_like(x)",
            )
        return new

    def level(self, frame: FrameType | None) -> Any:
        """A traced value of the highest level that the functions running in `frame` and around it were given, or None.

        The function that was called has `top`. A derivative taken inside it calls functions with a higher one.
        """
        frames, nested = [], False
        while frame is not None:
            if frame.f_code is _start.__code__ and frame.f_locals["copies"] is self:
                break
            if type(frame.f_globals) is _Globals:
                frames.append(frame)
            nested = nested or frame.f_code.co_filename.startswith(_HERE)
            frame = frame.f_back
        return highest(self.top, *map(_arguments, frames)) if nested or self.top is None else self.top


def _arguments(frame: FrameType) -> list[Any]:
    code = frame.f_code
    n = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    values = frame.f_locals
    return [values[name] for name in code.co_varnames[:n] if name in values]


def _each(of: F, values: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    return values and tuple(map(of, values))


class _Globals(dict[str, Any]):
    """The globals of copies: names as they are in the module at that moment, replaced.

    CPython looks names up by `__getitem__` where the globals are of a subclass of dict. What the dict itself
    holds, a snapshot, is for debuggers.
    """

    __slots__ = ("builtins", "copies", "names")

    def __init__(self, copies: _Copies, names: dict[str, Any], known: dict[str, Any]) -> None:
        super().__init__(names)
        self.copies, self.names, self.builtins = copies, names, known
        # CPython reads these two in the dict itself.
        load = _PARTIAL(_import, copies, names, known["__import__"])
        self["__builtins__"] = {**known, "__import__": load}
        self["__warningregistry__"] = copies.registry

    def __getitem__(self, name: str) -> Any:
        if name not in self.names:
            return self.builtins[name]
        value = self.names[name]
        return self.copies.of(value) if type(value) in _REPLACED else value


def _import(copies: _Copies, names: dict[str, Any], load: F, name: str, _: Any, *where: Any) -> Any:
    """`import` in the body of a function."""
    return copies.of(load(name, names, *where))


class _Module:
    """NumPy, or a module of the user's, as the copies see it."""

    __slots__ = ("__copies", "__module")
    __copies: _Copies
    __module: ModuleType

    def __init__(self, copies: _Copies, module: ModuleType) -> None:
        object.__setattr__(self, "_Module__copies", copies)
        object.__setattr__(self, "_Module__module", module)

    def __getattr__(self, name: str) -> Any:
        return self.__copies.of(getattr(self.__module, name))

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__module, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.__module, name)

    def __dir__(self) -> list[str]:
        return dir(self.__module)

    def __repr__(self) -> str:
        return repr(self.__module)


def _make(copies: _Copies, fn: Any, *args: Any, **kwargs: Any) -> Any:
    """What a creation function of NumPy's is replaced by."""
    return made_to_fill(copies.level(sys._getframe(1)), fn, args, kwargs)
