"""The table of samples that the stage `check` froze into a run."""

from __future__ import annotations

from pathlib import Path

from edgefit.data.table import SampleTable
from edgefit.run import RunFolder

REPORT = "check.json"


SAMPLES = "samples.csv"


LABELS = "labels.json"


def frozen_samples(run: RunFolder) -> SampleTable:
    """The table that ``check`` froze.

    Raises:
        RunError: ``check`` has not ended here.
        DataError: The table is damaged.
    """
    run.require("check")
    root = Path(run.read_json("check", REPORT)["root"])
    return SampleTable.read_csv(run.root / "check" / SAMPLES, root=root, labels=run.labels())
