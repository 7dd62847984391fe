"""`barlow run`: one experiment, its grid cut down by flags."""

import functools
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from barlowcli.cell.options import RunOptions
from barlowcli.cli import output
from barlowcli.cli.flags import Jitter, OnBadImage, OnOff, Rerun, absolute, axis_values, parse_settings, parse_shard
from barlowcli.cli.progress import reporter
from barlowcli.engines.local import run_cells, worker_count
from barlowcli.errors import BarlowError, InterruptError
from barlowcli.experiment.files import load_experiment
from barlowcli.experiment.model import Experiment
from barlowcli.machine.devices import Way, resolve
from barlowcli.plan.freezing import freeze, status_of
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Plan, PlannedCell
from barlowcli.plan.screening import choose_winner
from barlowcli.records.files import write_text
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.record import read_records
from barlowcli.settings.tables import expand


def run(
    experiment: Annotated[str, typer.Argument(help="Its name (`barlow ls experiments`) or the path of a TOML file.")],
    preset: Annotated[str, typer.Option(help="auto: cifar10 where there is a GPU, else quick.")] = "auto",
    dataset: Annotated[
        str | None, typer.Option(help="A name (`barlow ls datasets`), folder:PATH or parquet:PATH.")
    ] = None,
    data_root: Annotated[Path, typer.Option(help="Where data sets by name lie or are downloaded to.")] = Path(
        "~/.cache/barlow"
    ),
    method: Annotated[str | None, typer.Option(help="Only these methods, comma-separated.")] = None,
    shuffle: Annotated[str | None, typer.Option(help="Only these shuffle arms, comma-separated.")] = None,
    jitter: Annotated[
        Jitter | None, typer.Option(help="Colour distortion: jitter and, unless set apart, greyscale.")
    ] = None,
    grayscale: Annotated[OnOff | None, typer.Option(help="Greyscale apart from jitter.")] = None,
    dims: Annotated[str | None, typer.Option(help="Projector dimensions, comma-separated.")] = None,
    axis: Annotated[list[str] | None, typer.Option(help="NAME=V1,V2: values of any axis of the experiment.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Seeds per arm; 3 to screen, 5 for a verdict.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training images.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="A class-balanced part of the training images.")] = None,
    image_size: Annotated[int | None, typer.Option(min=8, help="Side in pixels that images are brought to.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="key=value, any setting; repeatable.")] = None,
    on_bad_image: Annotated[OnBadImage | None, typer.Option(help="What a broken image does; default fail.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    workers: Annotated[int | None, typer.Option(min=1, help="Cells at once; default one a core, one on a GPU.")] = None,
    way: Annotated[
        Way | None, typer.Option("--step", help="How training steps are taken; default: as fast as goes here.")
    ] = None,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same bits again on a GPU too; a CPU does that anyway.")
    ] = False,
    results: Annotated[Path, typer.Option(help="Where results go.")] = Path("results"),
    checkpoint_seconds: Annotated[float, typer.Option(min=0, help="Time between two checkpoints of a cell.")] = 30.0,
    rerun: Annotated[Rerun | None, typer.Option(help="Run failed cells, or all, again.")] = None,
    shard: Annotated[str | None, typer.Option(help="I/N: only the I-th of N parts of the cells.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the cells and their state, run nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, all else on stderr.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")] = False,
) -> None:
    """Run an experiment: every cell of its grid that is not done yet, then the report."""
    spec = load_experiment(experiment)
    part = parse_shard(shard)
    device = resolve(device)
    chosen, why = choose_preset(spec, preset, device)
    flags: dict[str, Any] = {
        "data.name": absolute(dataset) if dataset else None,
        "data.limit": limit,
        "data.image_size": image_size,
        "data.on_bad_image": on_bad_image,
        "training.epochs": epochs,
    }
    overrides = Overrides(
        axes=axis_values(method, shuffle, jitter, grayscale, dims, axis or []),
        settings={key: value for key, value in flags.items() if value is not None} | parse_settings(settings or []),
        seeds=seeds,
    )
    folder = ResultsFolder.of(results, spec.name, chosen).path

    def plan_now(winner: str = "") -> Plan:
        return build_plan(spec, chosen, overrides, on_cuda=device == "cuda", winner=winner)

    plan = with_winner(plan_now(), folder, plan_now)
    output.log(f"{spec.name}, preset {chosen} ({why}), on {device}, into {folder}/", quiet=quiet)
    if note := foreign_data(spec, chosen, plan):
        output.log(note, quiet=quiet)
    if dry_run:
        from barlowcli.cli.dry_run import show_plan

        cells = select(plan, folder, {cell.id for cell in plan.cells}, rerun, part)
        show_plan(
            plan,
            folder,
            cells,
            data_root=data_root.expanduser(),
            device=device,
            workers=workers or worker_count(device, len(cells)),
            as_json=as_json,
            quiet=quiet,
        )
        return
    options = RunOptions(
        experiment=spec.name,
        preset=chosen,
        folder=folder,
        data_root=data_root.expanduser(),
        device=device,
        command=("barlow", *sys.argv[1:]),
        checkpoint_seconds=checkpoint_seconds,
        way=way,
        deterministic=deterministic,
    )
    run_plan(plan, options, rerun=rerun, shard=part, workers=workers, quiet=quiet)
    finished = with_winner(plan_now(), folder, plan_now)  # the first stage may have been run again
    if spec.screen is not None and not finished.winner and part[1] > 1:
        output.log(
            "the winner is known once all shards are done with the first stage; then the same commands run the second",
            quiet=quiet,
        )
    if finished.winner != plan.winner:
        output.log(f"screened: {finished.winner} is the winner and goes on, on seeds of its own", quiet=quiet)
        run_plan(finished, options, rerun=None, shard=part, workers=workers, quiet=quiet)
    freeze(folder, finished)  # another process may have written its own plan over ours at the same moment
    finish(folder, as_json=as_json, quiet=quiet)


@functools.wraps(run, assigned=("__annotations__",))
def sweep(*arguments: Any, **flags: Any) -> None:
    """Run an experiment whose question is one axis, such as dims; the same flags as `run`."""
    run(*arguments, **flags)


def with_winner(plan: Plan, folder: Path, plan_now: Callable[[str], Plan]) -> Plan:
    """The plan with its second stage too, where a screened experiment's first one is finished; else as it is."""
    if plan.experiment.screen is None:
        return plan
    records = read_records(ResultsFolder(folder), (cell.id for cell in plan.cells))
    winner = choose_winner(plan, records)
    return plan_now(winner) if winner else plan


def run_plan(
    plan: Plan, options: RunOptions, *, rerun: Rerun | None, shard: tuple[int, int], workers: int | None, quiet: bool
) -> None:
    """Freeze the plan in its folder and run those of its cells that are to be run now."""
    folder, asked = options.folder, {cell.id for cell in plan.cells}
    before = plan_text(folder)
    plan, left_out = freeze(folder, plan)
    if left_out:
        kept = "records are kept and their own command brings them back; --results DIR keeps both reports"
        output.log(f"{left_out} planned cells of other settings or data leave this report; {kept}", quiet=quiet)
    cells = select(plan, folder, asked, rerun, shard)
    if not cells:
        output.log(nothing_to_run(plan, folder, asked), quiet=quiet)
        return
    running = {cell.id for cell in cells}
    done = sum(status_of(folder, cell) == "done" for cell in plan.cells if cell.id in asked - running)
    workers = workers or worker_count(options.device, len(cells))
    counted = f"{len(cells)} of {len(asked)} cells to run, {workers} at once" + (f", {done} done" if done else "")
    output.log(counted, quiet=quiet)
    try:
        execute(cells, options, workers, anew=rerun is Rerun.all, quiet=quiet)
    except BarlowError as error:
        if not isinstance(error, InterruptError) and all(status_of(folder, cell) == "todo" for cell in cells):
            restore_plan(folder, before)  # what was asked for cannot be run: the old report stays whole
        raise


def plan_text(folder: Path) -> str | None:
    """plan.json as it stands, None where there is none."""
    path = ResultsFolder(folder).plan
    return path.read_text(encoding="utf-8") if path.is_file() else None


def restore_plan(folder: Path, text: str | None) -> None:
    """Put plan.json back as `plan_text` read it."""
    if text is None:
        ResultsFolder(folder).plan.unlink(missing_ok=True)
    else:
        write_text(ResultsFolder(folder).plan, text)


def choose_preset(spec: Experiment, preset: str, device: str) -> tuple[str, str]:
    """The preset's name, and why it."""
    if preset != "auto":
        return preset, "as asked"
    wanted = "cifar10" if device == "cuda" else "quick"
    if wanted not in spec.presets:
        return next(iter(spec.presets)), f"the first of {spec.name}, which has no {wanted}"
    if device == "cuda":
        return wanted, "there is a GPU; --preset quick for minutes instead"
    return wanted, f"no GPU; cifar10 wants one, on a {device} it takes weeks"


def foreign_data(spec: Experiment, preset: str, plan: Plan) -> str | None:
    """A word where a preset's settings meet other data than they were chosen for."""
    own = expand(spec.presets[preset].settings).get("data", {})
    data = plan.cells[0].config.data
    if own.get("name") in (None, data.name):
        return None
    limited = data.limit is not None and data.limit == own.get("limit")
    kept = f"; at most {data.limit} training images (--limit changes that)" if limited else ""
    return f"the preset's views and training were chosen for {own['name']}; --set changes them{kept}"


def select(plan: Plan, folder: Path, asked: set[str], rerun: Rerun | None, shard: tuple[int, int]) -> list[PlannedCell]:
    """The cells to run now, seed by seed, so that what is there early covers all arms."""
    part, parts = shard
    cells = sorted((cell for cell in plan.cells if cell.id in asked), key=lambda cell: cell.seed)[part - 1 :: parts]
    if rerun is Rerun.all:
        return cells
    states = {"todo", "failed"} if rerun is Rerun.failed else {"todo"}
    return [cell for cell in cells if status_of(folder, cell) in states]


def nothing_to_run(plan: Plan, folder: Path, asked: set[str]) -> str:
    """What is said where every cell has its record."""
    failed = [cell for cell in plan.cells if cell.id in asked and status_of(folder, cell) == "failed"]
    if failed:
        return f"{len(failed)} of {len(asked)} cells failed before; --rerun failed runs them again"
    return f"all {len(asked)} cells are done already; nothing to run"


def execute(cells: list[PlannedCell], options: RunOptions, workers: int, *, anew: bool, quiet: bool) -> None:
    """Run the cells and show it; when interrupted, say how to go on."""
    try:
        with reporter(cells, output.console(stderr=True), quiet=quiet) as shown:
            for event in run_cells(cells, options, workers=workers, anew=anew):
                shown.show(event)
    except InterruptError as error:
        error.hint = f"to go on: {shlex.join(without_rerun(options.command))}"
        raise


def without_rerun(command: Sequence[str]) -> list[str]:
    """The command less --rerun, which would do again what is done by now."""
    kept = [word for word in command if not word.startswith("--rerun=")]
    if "--rerun" in kept:
        at = kept.index("--rerun")
        del kept[at : at + 2]
    return kept


def finish(folder: Path, *, as_json: bool, quiet: bool) -> None:
    """Write the report, print what was found, and exit 1 where something is missing."""
    from barlowcli.cli.report import print_report
    from barlowcli.report import write_report

    output.log("writing the report", quiet=quiet)
    print_report(write_report(folder), folder, as_json=as_json, quiet=quiet)
