"""A kernel as a function of Python's: its arguments are checked, and its results made, in native code too.

The text below is against CPython's and NumPy's C interfaces: the places of an array's fields, and functions by
their addresses. Arguments that are not what the kernel was compiled for go to a function written in Python.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..program import Value

# Byte offsets in PyObject, PyFloatObject and PyArrayObject on 64-bit CPython
_KIND, _DOUBLE, _DATA, _AXES, _SHAPE, _DESCR, _FLAGS = 8, 16, 16, 24, 32, 56, 64
_ALIGNED_IN_C_ORDER = 0x0101
_NEW, _RETURN = 93, 76  # PyArray_New and PyArray_Return in NumPy's table of functions
_FLOAT64 = 12  # NPY_DOUBLE


def possible() -> bool:
    """Whether this interpreter lays its objects out as the text has it."""
    return (
        sys.implementation.name == "cpython"
        and object.__basicsize__ == 16
        and float.__basicsize__ == 24
        and sys.maxsize > 2**32
    )


def _table() -> Any:
    capsule = np._core._multiarray_umath._ARRAY_API  # type: ignore[attr-defined]
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.cast(pointer(capsule, None), ctypes.POINTER(ctypes.c_void_p))


def _address(name: str) -> int:
    return int(ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0)


def entry(inputs: Sequence[Value], outputs: Sequence[Value], long: bool = False) -> str:
    """Text of a METH_FASTCALL function around the kernel, `entry`. Others may run Python the while if it is `long`."""
    api = _table()
    lines = ["define ptr @entry(ptr %self, ptr %args, i64 %count) {"]
    n, m = len(inputs), len(outputs)
    lines += [f"  %in = alloca ptr, i64 {max(n, 1)}", f"  %out = alloca ptr, i64 {max(m, 1)}"]
    for j, value in enumerate(outputs):
        room = (
            f"%m{j} = alloca double"
            if value.form is float
            else f"%shape{j} = alloca i64, i64 {len(value.shape) or 1}"
        )
        lines.append(f"  {room}")
    lines += [f"  %n = icmp eq i64 %count, {n}", "  br i1 %n, label %a0, label %slow"]
    for i, value in enumerate(inputs):
        lines += _checked(i, value)
    lines.append(f"a{n}:")
    for j, value in enumerate(outputs):
        lines += _made(j, value, api)
    if long:
        lines.append(f"  %thread = call ptr {_function('PyEval_SaveThread')}()")
    lines.append("  %held = call i32 @kernel(ptr %in, ptr %out)")
    if long:
        lines.append(f"  call void {_function('PyEval_RestoreThread')}(ptr %thread)")
    lines.append("  %ok = icmp ne i32 %held, 0")
    lines += ["  br i1 %ok, label %done, label %other", "other:"]
    for j, value in enumerate(outputs):
        if value.form is not float:
            lines.append(f"  call void {_function('Py_DecRef')}(ptr %y{j})")
    lines += ["  br label %slow", "done:"]
    for j, value in enumerate(outputs):
        lines += _finished(j, value, api)
    if m == 1:
        lines.append("  ret ptr %r0")
    else:
        lines.append(f"  %tuple = call ptr {_function('PyTuple_New')}(i64 {m})")
        for j in range(m):
            lines.append(f"  call i32 {_function('PyTuple_SetItem')}(ptr %tuple, i64 {j}, ptr %r{j})")
        lines.append("  ret ptr %tuple")
    lines += ["failed:", "  ret ptr null", "slow:"]  # without memory: the error is set
    lines.append(
        f"  %back = call ptr {_function('PyObject_Vectorcall')}(ptr %self, ptr %args, i64 %count, ptr null)"
    )
    lines.append("  ret ptr %back\n}")
    return "\n".join(lines)


def _function(name: str) -> str:
    return f"inttoptr (i64 {_address(name)} to ptr)"


def _at(name: str, base: str, offset: int, kind: str) -> list[str]:
    return [
        f"  %{name}.p = getelementptr i8, ptr {base}, i64 {offset}",
        f"  %{name} = load {kind}, ptr %{name}.p",
    ]


def _test(i: int, k: int, condition: str) -> list[str]:
    return [f"  %c{i}.{k} = {condition}", f"  br i1 %c{i}.{k}, label %a{i}.{k}, label %slow", f"a{i}.{k}:"]


def _checked(i: int, value: Value) -> list[str]:
    """The data of argument `i`, if it is what the kernel takes."""
    lines = [f"a{i}:", *_at(f"x{i}", "%args", 8 * i, "ptr"), *_at(f"k{i}", f"%x{i}", _KIND, "ptr")]
    kind = {float: float, np.generic: np.float64}.get(value.form, np.ndarray)
    lines += _test(i, 0, f"icmp eq ptr %k{i}, inttoptr (i64 {id(kind)} to ptr)")
    if kind is not np.ndarray:
        lines.append(f"  %d{i} = getelementptr i8, ptr %x{i}, i64 {_DOUBLE}")
    else:
        lines += _at(f"n{i}", f"%x{i}", _AXES, "i32") + _test(i, 1, f"icmp eq i32 %n{i}, {len(value.shape)}")
        lines += _at(f"t{i}", f"%x{i}", _DESCR, "ptr")
        lines += _test(i, 2, f"icmp eq ptr %t{i}, inttoptr (i64 {id(np.dtype(np.float64))} to ptr)")
        lines += _at(f"f{i}", f"%x{i}", _FLAGS, "i32")
        lines.append(f"  %g{i} = and i32 %f{i}, {_ALIGNED_IN_C_ORDER}")
        lines += _test(i, 3, f"icmp eq i32 %g{i}, {_ALIGNED_IN_C_ORDER}")
        lines += _at(f"s{i}", f"%x{i}", _SHAPE, "ptr")
        for axis, length in enumerate(value.shape):
            lines += _at(f"s{i}.{axis}", f"%s{i}", 8 * axis, "i64")
            lines += _test(i, 4 + axis, f"icmp eq i64 %s{i}.{axis}, {length}")
        lines += _at(f"d{i}", f"%x{i}", _DATA, "ptr")
    lines += [f"  %to{i} = getelementptr ptr, ptr %in, i64 {i}", f"  store ptr %d{i}, ptr %to{i}"]
    return [*lines, f"  br label %a{i + 1}"]


def _made(j: int, value: Value, api: Any) -> list[str]:
    """Room for result `j`: an array, or a number on the stack."""
    lines = []
    if value.form is not float:
        for axis, length in enumerate(value.shape):
            lines.append(f"  %l{j}.{axis} = getelementptr i64, ptr %shape{j}, i64 {axis}")
            lines.append(f"  store i64 {length}, ptr %l{j}.{axis}")
        new = f"inttoptr (i64 {api[_NEW]} to ptr)"
        lines.append(
            f"  %y{j} = call ptr {new}(ptr inttoptr (i64 {id(np.ndarray)} to ptr), i32 {len(value.shape)}, "
            f"ptr %shape{j}, i32 {_FLOAT64}, ptr null, ptr null, i32 0, i32 0, ptr null)"
        )
        lines += [
            f"  %none{j} = icmp eq ptr %y{j}, null",
            f"  br i1 %none{j}, label %failed, label %there{j}",
        ]
        lines += [f"there{j}:", *_at(f"m{j}", f"%y{j}", _DATA, "ptr")]
    return [*lines, f"  %o{j} = getelementptr ptr, ptr %out, i64 {j}", f"  store ptr %m{j}, ptr %o{j}"]


def _finished(j: int, value: Value, api: Any) -> list[str]:
    if value.form is float:
        return [
            f"  %w{j} = load double, ptr %m{j}",
            f"  %r{j} = call ptr {_function('PyFloat_FromDouble')}(double %w{j})",
        ]
    if value.form is np.ndarray:
        return [f"  %r{j} = getelementptr i8, ptr %y{j}, i64 0"]
    # NumPy's scalar from an array without axes
    return [f"  %r{j} = call ptr inttoptr (i64 {api[_RETURN]} to ptr)(ptr %y{j})"]


class _Method(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class _Slow:
    """What native code turns to, and with it, all that must live as long as the code may be called."""

    __slots__ = ("function", "method", "module")

    def __init__(self, module: Any, name: str, function: Callable[..., Any] | None) -> None:
        self.module, self.function = module, function
        self.method = _Method(b"compiled", module.address(name), 0x80, None)  # METH_FASTCALL

    def __call__(self, *args: Any) -> Any:
        assert self.function is not None
        return self.function(*args)


def function(module: Any, slow: Callable[..., Any] | None, name: str = "entry") -> Callable[..., Any]:
    """The module's entry as a builtin function of Python's; `slow` gets the arguments that it does not take."""
    owner = _Slow(module, name, slow)
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    made: Callable[..., Any] = new(ctypes.byref(owner.method), owner, None)
    return made
