"""Native code for C: addresses that SciPy's quadrature calls, and object files with headers."""

import ctypes
import shutil
import subprocess

import llvmlite.binding as llvm
import numpy as np
import pytest
import scipy.integrate

from dualad import ArgumentError, compile, derivative, grad
from dualad.native import engine


def test_quadrature_calls_native_code():
    f = compile(derivative(lambda x: np.exp(-x * x) * np.sin(x)))
    made = f.c_callable(1.0)
    assert made.signature == "double (double)"
    assert made.ctypes(0.3) == pytest.approx(f(0.3), rel=1e-15)
    found, _ = scipy.integrate.quad(made.low_level(), 0.0, 2.0)
    assert found == pytest.approx(np.exp(-4.0) * np.sin(2.0), rel=1e-12)


def test_quadrature_in_several_dimensions():
    made = compile(lambda x, y: np.sin(x) * y).c_callable(1.0, 2.0)
    assert made.signature == "double (int, double *)"
    found, _ = scipy.integrate.nquad(made.low_level(), [(0.0, np.pi), (0.0, 2.0)])
    assert found == pytest.approx(4.0, rel=1e-12)


def test_arrays_lie_one_behind_the_other():
    f = compile(lambda x, s, m: np.sum(x**3) * s + m[1, 0])
    x, m = np.array([1.0, 2.0, 3.0]), np.array([[1.0, 2.0], [3.0, 4.0]])
    numbers = np.concatenate([x, [0.5], m.ravel()])
    made = f.c_callable(x, 0.5, m)
    assert made.ctypes(len(numbers), numbers.ctypes.data) == f(x, 0.5, m)


def test_an_object_file_and_its_header(tmp_path):
    g = compile(grad(lambda x, s: s * np.sum(np.exp(x[1:] * x[:-1]))))
    x = np.array([0.3, -1.0, 0.5])
    made = g.save(tmp_path / "gradient", x, 2.0)
    assert [path.name for path in made] == ["gradient.o", "gradient.h"]
    assert "void gradient(const double x0[3], const double x1[1], double y0[3]);" in made[1].read_text(
        "utf-8"
    )
    machine = engine.machine(0)
    jit = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    jit.add_object_file(llvm.ObjectFileRef.from_data(made[0].read_bytes()))
    jit.finalize_object()
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3)(jit.get_function_address("gradient"))
    y, s = np.empty(3), np.array([2.0])
    function(x.ctypes.data, s.ctypes.data, y.ctypes.data)
    np.testing.assert_array_equal(y, g(x, 2.0))


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_c_code_links_with_it(tmp_path):
    compile(grad(lambda x: np.sum(np.sin(x) ** 2))).save(tmp_path / "slope", np.ones(2))
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "slope.h"\n'
        'int main(void) { double x[2] = {0.5, 1.0}, y[2]; slope(x, y); printf("%.17g %.17g", y[0], y[1]); return 0; }\n'
    )
    subprocess.run(["cc", "main.c", "slope.o", "-lm", "-o", "main"], cwd=tmp_path, check=True)
    printed = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True).stdout
    np.testing.assert_allclose([float(v) for v in printed.split()], np.sin([1.0, 2.0]), rtol=1e-15)


def test_what_has_no_c_function():
    with pytest.raises(ArgumentError, match="branches on a value"):
        compile(lambda x: x if x > 0 else -x).c_callable(1.0)
    with pytest.raises(ArgumentError, match="one number"):
        compile(np.sin).c_callable(np.ones(2))
    with pytest.raises(ArgumentError, match="no native code"):
        compile(lambda a: np.sum(np.linalg.inv(a))).c_callable(np.eye(2))
    with pytest.raises(ArgumentError, match="no name of a C function"):
        compile(np.sin).save("two words", 1.0)
