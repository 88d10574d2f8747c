"""``edgefit verify``: the gate for a run; integrity and self-test for a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from edgefit.cli.decisions import decision_rows, worst_rows
from edgefit.cli.output import (
    JsonOption,
    QuietOption,
    SetOption,
    error_console,
    print_json,
    print_table,
    reporter,
    say_next,
)
from edgefit.errors import InputError
from edgefit.records.selftest import NotInstalled, Replayed, SelfTestResult
from edgefit.records.verify import VerifyRecord
from edgefit.wording import counted


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("verify")(verify)


def verify(
    target: Annotated[Path, typer.Argument(metavar="RUN|BUNDLE", help="A run or a bundle.")],
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Replay a bundle's golden frames (no torch needed).")
    ] = False,
    overrides: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Compare exported files with the trained network, or check a bundle on its device."""
    from edgefit.stages.opening import is_bundle

    if self_test or is_bundle(target):
        if overrides:
            raise InputError(
                "--set applies to a run; a bundle has no recipe to change.",
                path=target,
                remedy="leave --set out, or give the run folder",
            )
        return _verify_bundle(target, self_test=self_test, as_json=as_json)
    return _verify_run(target, overrides, as_json=as_json, quiet=quiet)


def _verify_bundle(target: Path, *, self_test: bool, as_json: bool) -> int:
    from edgefit.bundle import read_bundle

    bundle = read_bundle(target)
    checked = len(bundle.entries())
    replayed = None
    if self_test:
        from edgefit.runtime.selftest import self_test as replay

        replayed = replay(bundle)
    passed = replayed is None or replayed.passed
    if as_json:
        shown = {} if replayed is None else {"self_test": replayed.to_json()}
        print_json({"bundle": str(target), "files_checked": checked, **shown, "passed": passed})
        return 0 if passed else 1
    typer.echo(f"{counted(checked, 'file', 'match')} the hashes in the manifest")
    if replayed is None:
        say_next(["edgefit", "verify", target, "--self-test"])
    else:
        _print_self_test(replayed)
        say_next(["edgefit", "benchmark", target])
    return 0 if passed else 1


def _print_self_test(result: SelfTestResult) -> None:
    rows = [
        [name, entry.status, _difference(entry), _remark(entry)]
        for name, entry in result.variants.items()
    ]
    columns = ["variant", "result", "largest difference", ""]
    print_table(counted(result.frames, "golden frame"), columns, rows)


def _verify_run(target: Path, overrides: list[str] | None, *, as_json: bool, quiet: bool) -> int:
    from edgefit.stages.opening import reopen_run

    run = reopen_run(target, overrides)
    from edgefit.errors import GateError
    from edgefit.stages.verify import require
    from edgefit.stages.verify import verify as verify_stage

    results = verify_stage(run, reporter(quiet=quiet))
    if as_json:
        print_json(results.to_json())
    else:
        _print_gate(results)
        _print_decisions(results)
    try:
        require(results, run.recipe().verify)
    except GateError as error:
        if not as_json:
            raise
        return error.exit_code  # the JSON on standard output lists the reasons
    if not as_json:
        say_next(["edgefit", "benchmark", run.root], ["edgefit", "bundle", run.root])
    return 0


def _print_gate(results: VerifyRecord) -> None:
    rows = []
    for entry in results.variants:
        batch = next(iter(entry.batches.values()))
        rows.append(
            [
                entry.variant,
                "passed" if entry.passed else "failed",
                _number(batch.max_abs_difference),
                "-" if batch.top1_flips is None else str(batch.top1_flips),
                "-" if batch.drop is None else f"{batch.drop * 100:+.2f}",
                "; ".join(entry.reasons),
            ]
        )
    print_table(
        f"the gate on {counted(results.images, 'held-out image')}",
        ["variant", "gate", "largest difference", "flips", "drop, points", "reasons"],
        rows,
    )


def _print_decisions(results: VerifyRecord) -> None:
    """Print what each file decides at the operating point, and its worst class and group."""
    rows = [
        [entry.variant, *row]
        for entry in results.variants
        for row in [
            *worst_rows(entry.worst_class, entry.worst_group),
            *decision_rows(entry.operating),
        ]
    ]
    if rows:
        print_table("measured on each exported file", ["variant", "", "value (interval)"], rows)
    for entry in results.variants:
        for warning in entry.warnings:
            error_console().print(f"[yellow]warning:[/] {entry.variant}: {escape(warning)}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"


def _difference(entry: Replayed | NotInstalled) -> str:
    return _number(entry.max_abs_difference) if isinstance(entry, Replayed) else "-"


def _remark(entry: Replayed | NotInstalled) -> str:
    """Why a variant failed the self-test, or the command that installs its engine."""
    if isinstance(entry, NotInstalled):
        return entry.remedy
    return "; ".join(f"{flip.frame}: {flip.found}, not {flip.expected}" for flip in entry.flips)
