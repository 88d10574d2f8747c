"""``edgefit bundle``: pack the variants that passed the gate."""

from __future__ import annotations

import typer

from edgefit.cli.output import (
    JsonOption,
    QuietOption,
    RunArgument,
    print_json,
    reporter,
    say_next,
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("bundle")(bundle)


def bundle(run: RunArgument, as_json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Write the bundle of a verified and benchmarked run."""
    from edgefit.stages.bundle import bundle_run
    from edgefit.stages.opening import reopen_run

    folder = reopen_run(run)
    manifest = bundle_run(folder, reporter(quiet=quiet))
    target = folder.root / "bundle"
    if as_json:
        print_json({"bundle": str(target), "manifest": manifest.model_dump(mode="json")})
        return
    typer.echo(f"bundle: {target}")
    say_next(
        ["edgefit", "verify", target, "--self-test"],
        ["edgefit", "predict", target, "IMAGE_OR_FOLDER_OR_VIDEO"],
    )
