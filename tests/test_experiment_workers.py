"""Experiments run by other processes, with other threads, and through interruptions."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("rich")
pytest.importorskip("sklearn")

from experiments import cli, machine, report, workers
from experiments.experiment import load
from experiments.run import run

ROOT = Path(__file__).parent.parent
GRID = {"n": [1, 5], "m": [1, 3], "width": 6, "rounds": 2, "sample_seconds": 1e-7, "cell_seconds": 0.0}


def cells(document):
    """Cells and what was counted, in order; times are left out."""
    return [(result["cell"], result["measured"]["counts"]) for result in document["cells"]]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return run(load("jacobian-cost"), tmp_path_factory.mktemp("alone"), changes=GRID)


@pytest.mark.parametrize("kind", ["process", "dask"])
def test_worker_processes_find_the_same_numbers(kind, alone, tmp_path):
    if kind == "dask":
        pytest.importorskip("distributed")
    with workers.workers(kind, 2) as executor:
        document = run(load("jacobian-cost"), tmp_path, changes=GRID, executor=executor, jobs=2)
        again = run(load("jacobian-cost"), tmp_path, changes=GRID, executor=executor, jobs=2)
    assert cells(document) == cells(alone) == cells(again)
    assert (document["cells_reused"], again["cells_reused"]) == (0, 4)
    assert document["machine"]["side_by_side"] == {"executor": type(executor).__name__, "jobs": 2}
    assert alone["machine"]["side_by_side"] is None
    assert all(result["measured"]["cpu"] == machine.cpu_model() for result in document["cells"])
    assert "2 cells side by side" in report.origin(document)
    assert "side by side" not in report.origin(alone)


def test_any_executor_will_do(alone, tmp_path):
    with ThreadPoolExecutor(2) as executor:
        document = run(load("jacobian-cost"), tmp_path, changes=GRID, executor=executor, jobs=2)
    assert cells(document) == cells(alone)


def test_times_taken_side_by_side_are_not_mixed_with_others(alone, tmp_path):
    run(load("jacobian-cost"), tmp_path, changes=GRID)
    with ThreadPoolExecutor(2) as executor:
        document = run(load("jacobian-cost"), tmp_path, changes=GRID, executor=executor, jobs=2)
    assert document["cells_reused"] == 0


def test_a_worker_with_other_source_is_refused():
    cell, settings = {"n": 1, "m": 1}, GRID
    with pytest.raises(ValueError, match="another version"):
        workers.work(load("jacobian-cost").measure, cell, settings, 0, 1, "of another commit")


class Flaky:
    """A measure that is interrupted in one cell, once."""

    def __init__(self, error):
        self.error, self.measured = error, []

    def __call__(self, cell, settings, seed):
        if cell == {"n": 5, "m": 1} and self.error:
            error, self.error = self.error, None
            raise error
        self.measured.append(cell)
        count = {"forward": {"operations": cell["n"]}, "reverse": {"operations": cell["m"]}}
        seconds = {"forward": 1.0 * cell["n"], "reverse": 1.0 * cell["m"]}
        samples = {mode: [time] for mode, time in seconds.items()}
        return {"counts": count, "predicted": seconds, "samples": samples}


@pytest.fixture
def command(monkeypatch, tmp_path):
    """A command line that runs the experiment `flaky` in place of that of its name."""

    def call(flaky, *more):
        experiment = replace(load("jacobian-cost"), measure=flaky, settings=GRID)
        monkeypatch.setattr(cli, "load", lambda name: experiment)
        return cli.main(["run", "jacobian-cost", "--out", str(tmp_path), *more])

    return call, tmp_path / "jacobian-cost.json"


def test_ctrl_c_keeps_what_was_measured(command, capsys):
    call, file = command
    flaky = Flaky(KeyboardInterrupt())
    assert call(flaky) == 130
    assert "goes on from the cells measured so far" in capsys.readouterr().err
    assert not file.exists() and len(flaky.measured) == 2
    assert call(flaky) == 0
    assert len(flaky.measured) == 4
    assert json.loads(file.read_text(encoding="utf-8"))["cells_reused"] == 2


def test_what_other_workers_measured_before_an_error_is_kept(command, monkeypatch, capsys):
    call, file = command
    flaky = Flaky(KeyboardInterrupt())
    with ThreadPoolExecutor(1) as executor:
        monkeypatch.setattr(cli, "workers", lambda kind, jobs: nullcontext(executor))
        assert call(flaky, "--jobs", "2") == 130
        assert call(flaky, "--jobs", "2") == 0
    assert [flaky.measured.count(cell) for cell in ({"n": 1, "m": 1}, {"n": 5, "m": 1})] == [1, 1]
    assert json.loads(file.read_text(encoding="utf-8"))["rerun"].endswith("--jobs 2")


def test_a_file_is_whole_or_not_there(command, monkeypatch):
    call, file = command
    assert call(Flaky(None)) == 0
    before = file.read_bytes()
    monkeypatch.setattr(os, "replace", lambda *files: (_ for _ in ()).throw(KeyboardInterrupt))
    assert call(Flaky(None)) == 130
    assert file.read_bytes() == before


def test_dask_is_named_where_it_is_missing(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "distributed", None)
    arguments = ["run", "jacobian-cost", "--quick", "--out", str(tmp_path), "--executor", "dask"]
    assert cli.main(arguments) == 2
    assert "pip install 'dualad[dask]'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--jobs", "0"], ["--threads", "-1"], ["--quick", "--full"]])
def test_refused_options(arguments, capsys):
    with pytest.raises(SystemExit):
        cli.main(["run", "jacobian-cost", *arguments])
    assert "error" in capsys.readouterr().err


SPY = """
import importlib.abc, os, runpy, sys

class Spy(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "numpy":
            print("numpy loads with", os.environ["OPENBLAS_NUM_THREADS"], os.environ["XLA_FLAGS"])

sys.meta_path.insert(0, Spy())
sys.argv = ["experiments", *sys.argv[1:]]
runpy.run_module("experiments", run_name="__main__")
"""


@pytest.mark.parametrize(
    ("options", "threads", "eigen"),
    [([], "1", "false"), (["--threads", "2"], "2", "true"), (["--threads=3"], "3", "true")],
)
def test_threads_are_fixed_before_numpy_loads(options, threads, eigen, tmp_path):
    small = ["--out", str(tmp_path), "--quick", "--set", "n=[1]", "--set", "m=[1]", "--set", "rounds=2"]
    code = [sys.executable, "-c", SPY, "run", "jacobian-cost", *small, *options]
    printed = subprocess.run(code, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert f"numpy loads with {threads} --xla_cpu_multi_thread_eigen={eigen}\n" in printed
    document = json.loads((tmp_path / "jacobian-cost.json").read_text(encoding="utf-8"))
    assert document["machine"]["threads"]["OPENBLAS_NUM_THREADS"] == threads
    assert document["rerun"].endswith(f"--threads {threads}") == (threads != "1")
