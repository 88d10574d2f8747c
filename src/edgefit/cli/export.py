"""``edgefit export``: write the trained network as ONNX and OpenVINO files."""

from __future__ import annotations

import typer

from edgefit.cli.output import (
    JsonOption,
    QuietOption,
    RunArgument,
    SetOption,
    print_json,
    print_table,
    reporter,
    say_next,
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("export")(export)


def export(
    run: RunArgument,
    overrides: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write every engine and precision the recipe asks for, int8 calibrated on training images."""
    from edgefit.stages.opening import reopen_run

    folder = reopen_run(run, overrides)
    from edgefit.stages.export import export as export_stage

    summary = export_stage(folder, reporter(quiet=quiet))
    if as_json:
        print_json(summary.to_json())
        return
    rows = [
        [v.variant, f"{v.bytes / 1e6:.2f}", str(v.quantization.get("method", "-"))]
        for v in summary.variants
    ]
    print_table("exported, not yet verified", ["variant", "MB", "quantized by"], rows)
    say_next(["edgefit", "evaluate", folder.root], ["edgefit", "verify", folder.root])
