"""Native code for other programs: a C function's address, or an object file and its header."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from ..errors import ArgumentError, error
from ..program import Program
from . import engine
from . import llvm as text
from .scalars import Scalars


def _kernel(program: Program, name: str) -> str:
    """The kernel's text. C cannot trace again, so that there must be one way through the program."""
    if program.guards:
        raise error(
            ArgumentError,
            f"{name} branches on a value (at {program.guards[0].line}), which C code cannot trace again",
            "np.where(condition, a, b) in place of the branch",
        )
    scalars = Scalars(program)
    return text.kernel(scalars.code, scalars.outputs, ())


class CFunction:
    """A function that C code can call, as long as this object lives.

    address: of the function; signature: `double (double)` or `double (int, double *)`, of which the int is not read
    """

    __slots__ = ("_module", "address", "signature")

    def __init__(self, module: engine.Module, signature: str) -> None:
        self._module, self.signature = module, signature
        self.address = module.address("function")

    @property
    def ctypes(self) -> Callable[..., float]:
        """The function by ctypes, which keeps this object alive."""
        kinds = (ctypes.c_double,) if self.signature == "double (double)" else (ctypes.c_int, ctypes.c_void_p)
        function: Any = ctypes.CFUNCTYPE(ctypes.c_double, *kinds)(self.address)
        function.owner = self
        return function  # type: ignore[no-any-return]

    def low_level(self) -> Any:
        """The function as a `scipy.LowLevelCallable`, for quadrature, integrators and filters."""
        from scipy import LowLevelCallable

        return LowLevelCallable(self.ctypes, signature=self.signature)


def c_function(program: Program, name: str) -> CFunction:
    """A C function of a program with one number as result, of one number or of all its arguments' numbers."""
    inputs, outputs = ([program.values[k] for k in ks] for ks in (program.inputs, program.outputs))
    if len(outputs) != 1 or outputs[0].shape or not inputs:
        raise error(ArgumentError, f"{name} does not return one number", "c_callable of a scalar function")
    one = len(inputs) == 1 and not inputs[0].shape
    lines = [
        f"define double @function({'double %number' if one else 'i32 %count, ptr %numbers'}) {{",
        f"  %in = alloca ptr, i64 {len(inputs)}",
        "  %out = alloca ptr",
        "  %y = alloca double",
        "  store ptr %y, ptr %out",
    ]
    if one:
        lines += ["  %numbers = alloca double", "  store double %number, ptr %numbers"]
    place = 0
    for i, value in enumerate(inputs):
        lines += [
            f"  %x{i} = getelementptr double, ptr %numbers, i64 {place}",
            f"  %to{i} = getelementptr ptr, ptr %in, i64 {i}",
            f"  store ptr %x{i}, ptr %to{i}",
        ]
        size = 1
        for n in value.shape:
            size *= n
        place += size
    lines += ["  call i32 @kernel(ptr %in, ptr %out)", "  %r = load double, ptr %y", "  ret double %r", "}"]
    module = engine.Module(_kernel(program, name) + "\n\n" + "\n".join(lines))
    return CFunction(module, "double (double)" if one else "double (int, double *)")


def save(program: Program, path: Path) -> list[Path]:
    """Write `path.o` and `path.h`: a C function of the path's name, from pointers to arguments to ones to results."""
    name, n, m = path.name, len(program.inputs), len(program.outputs)
    if not name.isidentifier():
        raise error(ArgumentError, f"{name!r} is no name of a C function", "save('gradient')")
    parameters = [*(f"ptr %x{i}" for i in range(n)), *(f"ptr %y{j}" for j in range(m))]
    lines = [
        f"define void @{name}({', '.join(parameters)}) {{",
        f"  %in = alloca ptr, i64 {max(n, 1)}",
        f"  %out = alloca ptr, i64 {max(m, 1)}",
    ]
    for table, letter, count in (("in", "x", n), ("out", "y", m)):
        for i in range(count):
            lines += [
                f"  %{table}{i} = getelementptr ptr, ptr %{table}, i64 {i}",
                f"  store ptr %{letter}{i}, ptr %{table}{i}",
            ]
    lines += ["  call i32 @kernel(ptr %in, ptr %out)", "  ret void", "}"]
    source = _kernel(program, name).replace("define i32 @kernel", "define internal i32 @kernel")
    machine = engine.machine(2, relocatable=True)
    module = llvm.parse_assembly(source + "\n\n" + "\n".join(lines))
    module.triple = machine.triple
    made = path.with_suffix(".o"), path.with_suffix(".h")
    made[0].write_bytes(machine.emit_object(module))
    made[1].write_text(_header(program, name), encoding="utf-8")
    return list(made)


def _header(program: Program, name: str) -> str:
    def sized(letter: str, k: int, i: int) -> str:
        shape = program.values[k].shape
        return f"{'const ' * (letter == 'x')}double {letter}{i}[{'*'.join(map(str, shape)) or 1}]"

    parameters = [sized("x", k, i) for i, k in enumerate(program.inputs)]
    parameters += [sized("y", k, j) for j, k in enumerate(program.outputs)]
    guard = f"DUALAD_{name.upper()}_H"
    return (
        f"/* Arguments x in C order, results y; link with -lm. */\n#ifndef {guard}\n#define {guard}\n"
        f'#ifdef __cplusplus\nextern "C"\n#endif\nvoid {name}({", ".join(parameters)});\n#endif\n'
    )
