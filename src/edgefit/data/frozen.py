"""The table of samples that the stage `check` froze into a run."""

from __future__ import annotations

import json
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
    root = Path(json.loads((run.root / "check" / REPORT).read_text(encoding="utf-8"))["root"])
    return SampleTable.read_csv(run.root / "check" / SAMPLES, root=root, labels=run.labels())
