"""From LLVM's text to machine code, by llvmlite. No setting of LLVM's is changed for the process."""

from __future__ import annotations

import functools
from typing import Any

import llvmlite.binding as llvm

# Longer texts are selected fast, without optimisation: compile time would otherwise be the larger cost by far.
OPTIMISED = 200_000  # characters


@functools.cache
def _host() -> dict[str, str]:
    """This machine's kind and what it can do, as LLVM has it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return {"cpu": llvm.get_host_cpu_name(), "features": llvm.get_host_cpu_features().flatten()}


def machine(level: int, relocatable: bool = False) -> Any:
    """A code generator for this machine, at one of LLVM's levels of optimisation."""
    host = _host()
    form = {"reloc": "pic", "codemodel": "default"} if relocatable else {"jit": True}
    return llvm.Target.from_default_triple().create_target_machine(**host, opt=level, **form)


class Module:
    """Compiled text: `address(name)` of its functions, as long as it lives.

    level: of optimisation where the text is not long. 1 leaves out what straight lines do not gain from.
    """

    __slots__ = ("_engine", "_machine", "text")

    def __init__(self, text: str, level: int = 2) -> None:
        self._machine = machine(level if len(text) <= OPTIMISED else 0)
        self.text = text
        module = llvm.parse_assembly(text)
        module.triple = self._machine.triple
        self._engine: Any = llvm.create_mcjit_compiler(module, self._machine)
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Where a function of the text begins."""
        return int(self._engine.get_function_address(name))

    def assembly(self) -> str:
        """The machine's instructions, as text."""
        return str(self._machine.emit_assembly(llvm.parse_assembly(self.text)))
