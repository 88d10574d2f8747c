"""Write the report: one page that opens offline, and the model card, from what the stages wrote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgefit.atomic import written_whole
from edgefit.bundle import Manifest
from edgefit.errors import missing_extra
from edgefit.records.train import EpochRow
from edgefit.report.row import Row
from edgefit.report.words import (
    Markdown,
    escape_markdown,
    metric_title,
    milliseconds,
    percent,
)
from edgefit.run import RunFolder

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

    from edgefit.report.facts import RunFacts

PAGE = "report.html"
CARD = "MODEL_CARD.md"
_MANY_CLASSES = 10


def write_report(
    run: RunFolder, manifest: Manifest, target: Path, *, retention_is_current: bool = True
) -> list[str]:
    """Write ``report.html`` and ``MODEL_CARD.md``.

    Requires the stages ``check`` to ``benchmark`` of the run. Neither file holds a path, host or
    user name of the machine it was made on; image names are relative to the data set.

    Args:
        run: The run folder; only what its stages wrote is read.
        manifest: The manifest of the bundle: its variants, recommendation and lineage.
        target: The folder to write into; must exist.
        retention_is_current: Whether ``retention`` finished with the current inputs; if not, its
            result is left out.

    Returns:
        The names of the files written, relative to ``target``.

    Raises:
        RunError: A stage has not finished in this run, or its outputs do not fit each other.
        MissingDependencyError: jinja2 or matplotlib is not installed.
    """
    try:
        import jinja2
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "jinja2", "workshop") from error
    from edgefit.report.facts import gather

    facts = gather(run, manifest, retention_is_current=retention_is_current)
    shared = _shared(facts)
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    _write(target / PAGE, _page(loader).render(**shared, **_only_on_page(facts, shared)))
    _write(target / CARD, _card(loader).render(**shared))
    return [PAGE, CARD]


def _page(loader: jinja2.BaseLoader) -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template("page.html.j2")


def _card(loader: jinja2.BaseLoader) -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        loader=loader,
        autoescape=False,
        finalize=escape_markdown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("card.md.j2")


def _shared(facts: RunFacts) -> Row:
    """Values that both files show."""
    from edgefit.report import phases, sections, studies
    from edgefit.report.limits import limits
    from edgefit.report.tasks import TASKS

    task = TASKS[facts.recipe.task]
    gate = sections.gate_rows(facts)
    drops = {row["variant"]: row["drop"] for row in gate}
    lineage = sections.lineage(facts)
    return {
        **task.shared(facts),
        "templates": task.templates,
        "head": sections.headline(facts)
        | {"task": task.purpose(facts), "many_classes": len(facts.labels) > _MANY_CLASSES},
        "data": sections.data_table(facts),
        "findings": sections.findings(facts),
        "unreadable": sections.unreadable(facts),
        "training": phases.training_rows(facts),
        "phases": phases.phase_rows(facts),
        "probe": phases.probe(facts),
        "interpolation": phases.interpolation(facts),
        "gap": phases.gap(facts),
        "over_fitting": facts.training.over_fitting,
        "train_metric": metric_title(facts.recipe.train.metric),
        "retention": studies.retention(facts),
        "comparison": studies.comparison(facts),
        "curve": studies.learning_curve(facts),
        "evaluation": facts.evaluation,
        "confidence": facts.confidence,
        "metrics": sections.metric_rows(facts),
        "gate": gate,
        "variants": [row | {"drop": drops[row["name"]]} for row in sections.variant_rows(facts)],
        "limits": limits(facts),
        "licence": sections.licence(facts),
        "lineage": lineage,
        "fingerprint": facts.check.fingerprint,
        "versions": list(facts.manifest.lineage["versions"].items()),
        "version": facts.manifest.lineage["versions"].get("edgefit", ""),
        "percent": percent,
        "milliseconds": milliseconds,
        "code": _code,
    }


def _only_on_page(facts: RunFacts, shared: Row) -> Row:
    """Drawings and thumbnails."""
    from edgefit.report import curves, plots, sections
    from edgefit.report.tasks import TASKS

    timed = [row for row in shared["variants"] if row["p50"] is not None]
    recommended = str(facts.recommended.key)
    speed = [plots.latency(timed, recommended)] if timed else []
    return {
        **TASKS[facts.recipe.task].drawings(facts),
        "training_plots": _training_plots(facts),
        **_small_epochs(facts.training.history),
        "interpolation_plot": shared["interpolation"] and curves.interpolation(facts.training.kept),
        "knowledge_plot": facts.comparison and curves.knowledge(facts.comparison),
        "curve_plot": facts.learning_curve and curves.learning_curve(facts.learning_curve),
        "speed_plots": [*speed, plots.sizes(shared["variants"], recommended)],
        "breakdowns": sections.breakdowns(facts),
        "verification": facts.verification,
    }


def _small_epochs(history: Sequence[EpochRow]) -> Row:
    """How many epochs saw smaller images than the last one, and their size."""
    sizes = [row.size_in_words for row in history]
    small = [size for size in sizes if size != sizes[-1]]
    return {"small_epochs": len(small), "small_size": small[0] if small else None}


def _training_plots(facts: RunFacts) -> list[Markup]:
    """Drawings by epoch; a probe alone has no epochs."""
    from edgefit.report import curves

    history, kept = facts.training.history, facts.training.best.epoch
    if not history:
        return []
    return [
        curves.training_metric(history, kept, facts.recipe.train.metric),
        curves.training_loss(history, kept),
        curves.learning_rate(history, kept),
    ]


def _code(text: object) -> Markdown:
    """A code span; backticks in the text are removed."""
    return Markdown(f"`{str(text).replace('`', '')}`")


def _write(target: Path, text: str) -> None:
    with written_whole(target) as part:
        part.write_text(text, encoding="utf-8")
