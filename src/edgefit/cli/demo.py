"""``edgefit demo``: a whole build on generated images of parts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from edgefit.cli.build import print_summary
from edgefit.cli.output import JsonOption, QuietOption, SetOption, print_json, reporter

_SEED = 2  # this seed draws a turned disc


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo")(demo)


def demo(
    out: Annotated[
        Path, typer.Option("--out", help="Folder for the images, the run and the bundle.")
    ] = Path("runs/demo"),
    overrides: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Generate images of parts on a belt, then run every stage of a build on them."""
    from edgefit.data.synthetic import generate, generate_clip
    from edgefit.resources import resource
    from edgefit.stages.build import build
    from edgefit.stages.stage import require_packages

    require_packages("workshop")

    shown = reporter(quiet=quiet)
    started = time.monotonic()
    images, clip = out / "images", out / "belt.avi"
    if not images.is_dir():
        shown.say(f"drawing images of parts on a belt into {escape(str(images))}")
        out.mkdir(parents=True, exist_ok=True)
        generate(images, images=800, size=96, seed=_SEED, one_product=True)
    if not clip.is_file():
        generate_clip(clip, seed=_SEED, one_product=True)
    shown.say(
        "The demo trains from random weights on generated images. It shows every stage, "
        "not the accuracy to expect on your own images."
    )
    result = build(
        resource("models", "demo", "recipe.yaml"),
        data=images,
        out=out / "run",
        overrides=overrides or (),
        reporter=shown,
    )
    if as_json:
        print_json({**result.to_json(), "clip": str(clip)})
        return
    shown.say(f"the demo took {time.monotonic() - started:.0f} s")
    print_summary(result, ["edgefit", "predict", Path(result.bundle), clip])
