"""The experiments, in a tiny configuration: what they write, that counts are exact, that runs resume."""

import base64
import json
import re
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("rich")
pytest.importorskip("sklearn")

from experiments import NAMES, cli, hessian_cost, jacobian_cost, overhead, report
from experiments.experiment import load
from experiments.run import run
from experiments.store import Store

HASTE = {"rounds": 2, "sample_seconds": 1e-7, "cell_seconds": 0.0}
TINY = {
    "gradient-cost": {"n": [1, 5, 40], "sampled_sweeps": 7},
    "jacobian-cost": {"n": [1, 24], "m": [1, 24], "width": 6},
    "hessian-cost": {"hidden": [1, 3], "n": [3, 20], "samples": 8, "series": 13},
    "overhead": {},
    "peers": {"problems": ["loop", "jacobian"]},
    "compiled": {"problems": ["logistic", "compile-100"], "largest": 8, "slow": 0},
    "sparse": {"problems": ["rosenbrock-1000", "arrow-1000"], "largest": 8, "growth": [8, 32]},
    "higher-order": {"orders": [1, 3], "deepest": 3},
    "accuracy": {"problems": ["Rosenbrock", "logistic loss"], "halves": [2, 11, 16, 30]},
    "memory": {"size": 50, "depth": [4], "kept": 2, "steps": 6, "snapshots": [2, 6]},
    "chunk": {"n": [12], "steps": 1},
    "training": {"hidden": 2, "waveforms": 64, "batch": 64, "draws": 20},
    "scale": {"workers": [2], "n": 8, "chunks": 4, "steps": 2, "points": 3},
    "ode": {"parameters": [1, 6], "states": 5, "steps": 4, "snapshots": 2},
}
HOSTILE = "<script>alert('x')</script> | `a` [b](c)\n# d"


def tiny(name, out, **options):
    return run(load(name), out, changes=HASTE | TINY[name], **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def documents(folder):
    return {name: tiny(name, folder) for name in NAMES}


@pytest.fixture
def one(documents, folder, tmp_path):
    """A document and its folder, for tests that change them."""
    document = json.loads(json.dumps(documents["jacobian-cost"]))
    for figure in document["figures"]:
        (tmp_path / figure["file"]).write_bytes((folder / figure["file"]).read_bytes())

    def write():
        (tmp_path / "jacobian-cost.json").write_text(json.dumps(document), encoding="utf-8")
        return [path.read_text(encoding="utf-8") for path in report.write(tmp_path)]

    return document, write


@pytest.mark.parametrize("name", NAMES)
def test_document_is_complete(name, documents, folder):
    document = documents[name]
    assert json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) == json.loads(
        json.dumps(document)
    )
    assert {"question", "answer", "theory", "rerun", "settings", "seed", "date", "rows"} <= set(document)
    told = {"cpu", "cores", "system", "python", "versions", "source", "threads", "side_by_side"}
    assert told == set(document["machine"])
    assert document["machine"]["versions"]["numpy"] == np.__version__
    assert document["answer"].endswith(".")
    assert document["rerun"].startswith(f"python -m experiments run {name}")
    for result in document["cells"]:
        if name == "accuracy":  # which measures errors
            assert set(result["measured"]) == {"steps", "errors", "units", "eps"} and not result["timed"]
            continue
        lengths = {len(samples) for samples in result["measured"]["samples"].values()}
        assert lengths == {HASTE["rounds"]}
        assert all(s > 0 for samples in result["measured"]["samples"].values() for s in samples)
        assert set(result["timed"]) == set(result["measured"]["samples"])
        assert all(t["low"] <= t["median"] <= t["high"] for t in result["timed"].values())
    if document["noise"] is None:
        assert name == "accuracy" and "Nothing here is timed" in report.origin(document)
    else:
        assert 0 <= document["noise"]["typical"] <= document["noise"]["worst"]
    for row in document["rows"]:
        assert {column["key"] for column in document["columns"]} <= set(row)
    for figure in document["figures"]:
        assert (folder / figure["file"]).read_bytes().startswith(b"\x89PNG")
    assert document["figures"]


def counts(document):
    return [cell["measured"].get("counts", cell["measured"].get("calls")) for cell in document["cells"]]


@pytest.mark.parametrize("name", NAMES)
def test_counts_are_exact(name, documents, tmp_path):
    assert counts(tiny(name, tmp_path)) == counts(documents[name])


def test_every_count_is_a_positive_integer(documents):
    for name in ("gradient-cost", "jacobian-cost", "hessian-cost"):
        for cell in counts(documents[name]):
            numbers = [number for ledger in cell.values() for number in ledger.values()]
            assert all(type(number) is int and number > 0 for number in numbers)


def test_reverse_stays_within_the_bound_and_sweeps_do_not(documents):
    for cell in documents["gradient-cost"]["cells"]:
        n, ledgers = cell["cell"]["n"], cell["measured"]["counts"]
        loss = ledgers["loss"]["operations"]
        assert loss >= 2 * 569 * n
        assert ledgers["reverse"]["operations"] <= 5 * loss
        assert ledgers["sweeps"]["operations"] >= n * loss
        assert ledgers["vectorised"]["operations"] <= ledgers["sweeps"]["operations"]


def test_sweeps_are_sampled_only_where_said(documents):
    sampled = {
        cell["cell"]["n"]: cell["measured"]["sweeps_sampled"] for cell in documents["gradient-cost"]["cells"]
    }
    assert sampled == {1: None, 5: None, 40: 7}
    said = [row for row in documents["gradient-cost"]["rows"] if "sampled: 7" in row["words"]]
    assert [(row["n"], row["way"]) for row in said] == [(40, "sweeps")]


def test_predicted_winners_on_decisive_cells(documents):
    rows = {(row["n"], row["m"]): row for row in documents["jacobian-cost"]["rows"]}
    assert rows[24, 1]["operations_ratio"] > 4 > 0.25 > rows[1, 24]["operations_ratio"]
    assert rows[1, 24]["predicted"] == "forward"
    assert rows[1, 24]["predicted_ratio"] < rows[24, 1]["predicted_ratio"]
    foreseen = {row["foreseen"] for row in documents["hessian-cost"]["rows"]}
    assert foreseen <= {"forward-over-reverse", "reverse-over-reverse", "sparse plan"}


def test_shares_of_cells_that_were_foreseen():
    def row(predicted, measured, ratio=2.0):
        ratios = {"predicted_ratio": ratio, "operations_ratio": 1.0, "measured_ratio": 1.0}
        return {"measured": measured, "predicted": predicted, **ratios, "n": 1, "m": 1}

    rows = [row("reverse", "reverse"), row("reverse", "forward"), row("reverse", "tie")]
    rows.append(row("forward", "forward", 0.5))
    assert jacobian_cost.agreement(rows) == (2, 3)
    assert jacobian_cost.agreement(rows, "operations_ratio") == (0, 3)
    text = jacobian_cost.answer(rows)
    assert "3 of 4 cells (75%)" in text and "2 of 3 cells (67%)" in text and "alone: 0 of 3" in text


def test_the_ways_to_a_hessian(documents):
    rows = [row for row in documents["hessian-cost"]["rows"] if row["problem"] == "rosenbrock"]
    assert {row["mode"] for row in rows if row["n"] == 3} == set(hessian_cost.WAYS)
    assert {row["mode"] for row in rows if row["n"] == 20} == set(hessian_cost.WAYS) - {"Taylor series"}
    for row in rows:
        assert (row["predicted"] is None) == (row["mode"] in ("Taylor series", "differences"))


def test_a_gradient_by_forward_mode_inside_makes_the_hessian_dear(documents):
    rows = [
        row for row in documents["hessian-cost"]["rows"] if row["problem"] == "rosenbrock" and row["n"] == 20
    ]
    operations = {row["mode"]: row["operations"] for row in rows}
    assert operations["forward-over-forward"] > 2 * operations["forward-over-reverse"]
    assert operations["forward-over-forward"] > 2 * operations["reverse-over-reverse"]


def test_accuracy_finds_what_theory_says(documents):
    found = {(row["problem"], row["way"]): row for row in documents["accuracy"]["rows"]}
    eps = found["Rosenbrock", "reverse mode"]["eps"]
    for problem in ("Rosenbrock", "logistic loss"):
        for mode in ("forward mode", "reverse mode"):
            assert found[problem, mode]["best"] < 8 * eps and found[problem, mode]["units"] < 8
        for way in ("forward differences", "central differences"):
            row = found[problem, way]
            assert row["theory"] / 30 < row["best"] < 30 * row["theory"]
            assert row["errors"][0] > 10 * row["best"] < row["errors"][-1]  # the V
    assert found["Rosenbrock", "complex step"]["best"] < 8 * eps
    assert found["logistic loss", "complex step"]["best"] is None
    assert "does not apply to logistic loss" in documents["accuracy"]["answer"]


def test_overhead_says_what_is_not_installed(documents, monkeypatch):
    monkeypatch.setattr(overhead.eager_peers, "installed", lambda package: package == "numpy")
    measured = overhead.measure({"case": "rosenbrock-10"}, HASTE, 0)
    rows = overhead.rows([{"cell": {"case": "rosenbrock-10"}, "measured": measured}])
    assert [row["verdict"] for row in rows] == ["not installed", "not installed"]
    assert "Python tape" not in overhead.answer(rows)
    shown = [row["peer"] for row in documents["overhead"]["rows"] if row["ratio"] is not None]
    assert {"NumPy, function only", "SciPy, 2-point"} <= set(shown)


def test_verdicts():
    def verdict(median, target, tie=False):
        return overhead.verdict({"median": median, "tie": tie}, target)

    assert verdict(10.1, 10) == "met"
    assert verdict(7.5, 10) == "missed by 25 %"
    assert verdict(1.05, 1, tie=True) == "tie"


class Interruption(Exception):
    pass


@pytest.fixture
def watched():
    """The Jacobian experiment without the work: which cells were measured, and a cell at which to stop."""
    measured, stop = [], []

    def measure(cell, settings, seed):
        if cell in stop:
            raise Interruption
        measured.append(cell)
        count = {"forward": {"operations": cell["n"]}, "reverse": {"operations": cell["m"]}}
        predicted = {"forward": 1.0 * cell["n"], "reverse": 1.0 * cell["m"]}
        samples = {mode: [seconds] for mode, seconds in predicted.items()}
        return {"counts": count, "predicted": predicted, "samples": samples}

    return replace(load("jacobian-cost"), measure=measure), measured, stop


def test_an_interrupted_run_resumes(watched, tmp_path):
    experiment, measured, stop = watched
    changes = {"n": [1, 2, 3], "m": [1, 2]}
    stop.append({"n": 2, "m": 2})
    with pytest.raises(Interruption):
        run(experiment, tmp_path, changes=changes)
    assert len(measured) == 3
    with (tmp_path / "jacobian-cost.cells.jsonl").open("a") as file:
        file.write('{"key": "half a li')
    stop.clear()
    document = run(experiment, tmp_path, changes=changes)
    assert len(measured) == 6 and document["cells_reused"] == 3
    assert run(experiment, tmp_path, changes=changes)["cells_reused"] == 6
    assert len(measured) == 6


def test_other_settings_are_measured_anew(watched, tmp_path):
    experiment, measured, _ = watched
    grid = {"n": [1, 2], "m": [1]}
    for options in ({}, {"quick": True}, {"seed": 1}, {"fresh": True}):
        assert run(experiment, tmp_path, changes=grid, **options)["cells_reused"] == 0
    assert run(experiment, tmp_path, changes=grid | {"rounds": 3})["cells_reused"] == 0
    assert len(measured) == 10


def test_store_goes_on_after_a_torn_line(tmp_path):
    path = tmp_path / "cells.jsonl"
    Store(path).put("a", {"x": 1})
    with path.open("a") as file:
        file.write('{"key": "b", "meas')
    Store(path).put("c", {"x": 3})
    assert Store(path).measured == {"a": {"x": 1}, "c": {"x": 3}}
    assert Store(path, fresh=True).measured == {}


def test_report_of_everything(documents, folder):
    paths = report.write(folder)
    markdown, html = (path.read_text(encoding="utf-8") for path in paths)
    for name, document in documents.items():
        assert f"## {name}" in markdown and f"<section id='{name}'>" in html and f"href='#{name}'" in html
        assert report.plain(document["answer"]) in markdown and document["rerun"].split(" --set")[0] in html
    assert html.count("data:image/png;base64,") == sum(len(d["figures"]) for d in documents.values())
    held = re.findall(r"href='data:application/json;base64,([^']*)'", html)
    assert [json.loads(base64.b64decode(raw)) for raw in held] == json.loads(
        json.dumps([*documents.values()])
    )
    assert "src='" in html and all(part.startswith("data:") for part in html.split("src='")[1:])


def test_report_escapes_what_it_is_given(one):
    document, write = one
    for place in (
        document,
        document["machine"],
        document["figures"][0],
        document["rows"][0],
        document["columns"][0],
    ):
        for key, value in place.items():
            if isinstance(value, str) and key not in ("experiment", "file", "key", "kind"):
                place[key] = HOSTILE
    markdown, html = write()
    assert "<script" not in markdown and "<script" not in html
    assert "&lt;script&gt;" in markdown and "&lt;script&gt;" in html
    assert "\n# d" not in markdown and "](c)" not in markdown.replace("\\](c)", "")


def test_report_warns_of_noise(one):
    document, write = one
    document["noise"] = {"typical": 0.02, "worst": 0.9}
    assert not any("These times are noisy" in page for page in write())
    document["noise"]["typical"] = 0.4
    assert all("spreads over 40%" in page.split("These times are noisy", 1)[1] for page in write())


def test_report_shows_no_file_from_elsewhere(one, tmp_path):
    document, write = one
    (tmp_path.parent / "secret.png").write_bytes(b"secret")
    document["figures"] = [{"file": "../secret.png", "caption": "x"}, {"file": "report.md", "caption": "x"}]
    _, html = write()
    assert "<img" not in html


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_command_line(here, tmp_path, capsys):
    small = ["--set", "n=[1, 2]", "--set", "m=[2]", "--set", "sample_seconds=0.0001", "--set", "rounds=2"]
    assert cli.main(["run", "jacobian-cost", "--quick", *small]) == 0
    printed = capsys.readouterr().out
    for name in ("jacobian-cost.json", "jacobian-cost-winners.png"):
        assert f"out/quick/{name}" in printed.replace("\\", "/")
        assert (tmp_path / "out/quick" / name).exists()
    assert cli.main(["report"]) == 0
    assert "report.html" in capsys.readouterr().out
    assert cli.main(["list"]) == 0
    assert all(name in capsys.readouterr().out for name in [NAMES[0]])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "nothing"], "no experiment is called 'nothing'"),
        (["run", "jacobian-cost", "--set", "q=3"], "KEY one of"),
        (["run", "jacobian-cost", "--set", "n"], "KEY=VALUE"),
        (["run", "jacobian-cost", "--set", "n=3"], "expected something like [1"),
        (["run", "jacobian-cost", "--set", "n=three"], "not JSON"),
        (["report"], "no results yet"),
        (["report", "."], "holds no results"),
    ],
)
def test_command_line_errors(arguments, says, here, capsys):
    assert cli.main(arguments) == 2
    assert says in capsys.readouterr().err
