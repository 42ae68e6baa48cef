"""The command line: `list`, `run`, `report`."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rich import box
from rich import progress as bars
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments import NAMES, report
from experiments.experiment import Experiment, Settings, load
from experiments.run import run
from experiments.workers import KINDS, workers

FOLDERS = {True: Path("out/quick"), False: Path("out/full")}
"""Where quick and full runs go without `--out`: apart, so that neither overwrites the other."""


def parser() -> argparse.ArgumentParser:
    about = "What each mode of differentiation costs, measured on this machine."
    top = argparse.ArgumentParser(prog="python -m experiments", description=about)
    commands = top.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the experiments and their questions")
    runs = commands.add_parser("run", help="measure, write JSON and figures, print the table")
    runs.add_argument("names", nargs="+", metavar="NAME", help=f"{', '.join(NAMES)}, or all")
    sizes = runs.add_mutually_exclusive_group()
    sizes.add_argument("--quick", action="store_true", help="smaller grids and fewer rounds")
    sizes.add_argument("--full", dest="quick", action="store_false", help="full grids (the default)")
    runs.add_argument("--out", type=Path, metavar="DIR", help="out/quick or out/full unless given")
    runs.add_argument("--seed", type=int, default=0, help="of the data and of the points (default 0)")
    words = "a setting as JSON, repeatable"
    runs.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=words)
    words = "of BLAS and OpenMP, for what is timed (default 1)"
    runs.add_argument("--threads", type=positive, default=1, metavar="N", help=words)
    words = "cells measured side by side, in as many processes (default 1; 2 with --executor)"
    runs.add_argument("--jobs", type=positive, metavar="N", help=words)
    words = "whose processes: a pool's of this machine, or Dask's, which may be a cluster's"
    runs.add_argument("--executor", choices=KINDS, help=words)
    runs.add_argument("--fresh", action="store_true", help="measure again what is already there")
    reports = commands.add_parser("report", help="one page in HTML and Markdown from the results")
    words = "the latest of out/quick and out/full unless given"
    reports.add_argument("dir", nargs="?", type=Path, metavar="DIR", help=words)
    return top


def positive(text: str) -> int:
    """A number of threads or jobs."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 120  # a file or a pipe has no width of its own
    try:
        if arguments.command == "list":
            show_list(console)
        elif arguments.command == "run":
            show_run(console, arguments)
        else:
            show_report(console, arguments.dir or latest())
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the cells measured so far", file=sys.stderr)
        return 130
    return 0


def show_list(console: Console) -> None:
    for name in NAMES:
        experiment = load(name)
        settings = ", ".join(experiment.settings)
        console.print(f"[bold]{name}[/bold]  {escape(experiment.question)}", soft_wrap=True)
        console.print(f"    settings: {settings}", soft_wrap=True)


def changes(experiments: Sequence[Experiment], assignments: Sequence[str]) -> Settings:
    """The settings of the command line; each must exist somewhere and keep its type."""
    changed: Settings = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        known = [experiment.settings[key] for experiment in experiments if key in experiment.settings]
        if not equals or not known:
            names = sorted({name for experiment in experiments for name in experiment.settings})
            raise ValueError(f"--set {assignment}: expected KEY=VALUE, KEY one of {', '.join(names)}")
        try:
            value = json.loads(text)
        except ValueError as error:
            raise ValueError(f"--set {assignment}: the value is not JSON ({error})") from None
        wanted = (int, float) if isinstance(known[0], float) else type(known[0])
        if isinstance(value, bool) or not isinstance(value, wanted):
            raise ValueError(f"--set {assignment}: expected something like {json.dumps(known[0])}")
        changed[key] = value
    return changed


def show_run(console: Console, arguments: argparse.Namespace) -> None:
    names = NAMES if "all" in arguments.names else tuple(dict.fromkeys(arguments.names))
    experiments = [load(name) for name in names]
    changed = changes(experiments, arguments.set)
    jobs = arguments.jobs or (2 if arguments.executor else 1)
    kind = arguments.executor or ("process" if jobs > 1 else None)
    with workers(kind, jobs) if kind else nullcontext() as executor:
        for i, experiment in enumerate(experiments, 1):
            own = {key: value for key, value in changed.items() if key in experiment.settings}
            place = f"[{i}/{len(experiments)}] " if len(experiments) > 1 else ""
            show_one(console, arguments, experiment, own, place, executor, jobs)
    out = arguments.out or FOLDERS[arguments.quick]
    console.print(f"Report: python -m experiments report {shlex.quote(str(out))}", soft_wrap=True)


def show_one(
    console: Console,
    arguments: argparse.Namespace,
    experiment: Experiment,
    own: Settings,
    place: str,
    executor: Executor | None,
    jobs: int,
) -> None:
    """Run one experiment under a bar with the remaining time, and show what it found."""
    out = arguments.out or FOLDERS[arguments.quick]
    again = [f"--threads {arguments.threads}"] * (arguments.threads > 1)
    again += [f"--jobs {arguments.jobs}"] * (arguments.jobs is not None)
    again += [f"--executor {arguments.executor}"] * (arguments.executor is not None)
    bar = bars.Progress(
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(),
        bars.TextColumn("left:"),
        bars.TimeRemainingColumn(),
        bars.TextColumn("{task.fields[doing]}"),
        console=console,
        refresh_per_second=2,  # drawing takes time from what is measured
        speed_estimate_period=600,
    )
    with bar:
        task = bar.add_task(escape(place + experiment.name), total=None, doing="")

        def progress(done: int, total: int, doing: str) -> None:
            bar.update(task, completed=done, total=total, doing=escape(doing))

        document = run(
            experiment,
            out,
            quick=arguments.quick,
            seed=arguments.seed,
            changes=own,
            fresh=arguments.fresh,
            threads=arguments.threads,
            executor=executor,
            jobs=jobs,
            again=" ".join(again),
            progress=progress,
        )
    show_document(console, document, out)


def show_document(console: Console, document: dict[str, Any], out: Path) -> None:
    """The table, the answer and the files of one experiment."""
    headings, body, numeric = report.table(document, brief=True)
    table = Table(title=escape(document["question"]), box=box.SIMPLE_HEAD, title_justify="left")
    for i, heading in enumerate(headings):
        # Numbers and short words stay whole; where room is short, the long texts give way.
        whole = numeric[i] or max((len(row[i]) for row in body), default=0) <= 22
        justify: Any = "right" if numeric[i] else "left"
        table.add_column(
            escape(heading), justify=justify, no_wrap=whole, overflow="fold", min_width=0 if whole else 14
        )
    for row in body:
        table.add_row(*map(escape, row))
    console.print(table)
    console.print(f"[bold]{escape(document['answer'])}[/bold]\n", soft_wrap=True)
    if report.caution(document):
        console.print(escape(report.caution(document)) + "\n", soft_wrap=True)
    if document["cells_reused"]:
        console.print(f"{document['cells_reused']} of {len(document['cells'])} cells were measured before.")
    console.print(escape(str(out / f"{document['experiment']}.json")), soft_wrap=True)
    for figure in document["figures"]:
        console.print(escape(str(out / figure["file"])), soft_wrap=True)
    console.print()


def latest() -> Path:
    """The default folder that was written last."""
    found = [(file, folder) for folder in FOLDERS.values() for file in folder.glob("*.json")]
    if not found:
        raise FileNotFoundError(
            "no results yet; name a folder, or first run: python -m experiments run all --quick"
        )
    return max(found, key=lambda pair: pair[0].stat().st_mtime)[1]


def show_report(console: Console, folder: Path) -> None:
    for path in report.write(folder):
        console.print(escape(str(path)), soft_wrap=True)
    for document in report.documents(folder):
        for path, _ in report.pictures(document, folder):
            console.print(escape(str(path)), soft_wrap=True)
