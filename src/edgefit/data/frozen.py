"""The table of samples that the stage `check` froze into a run."""

from __future__ import annotations

from pathlib import Path

from edgefit.data.table import SampleTable
from edgefit.records.check import CheckRecord, LabelsRecord
from edgefit.run import RunFolder

SAMPLES = "samples.csv"


def freeze(table: SampleTable, run: RunFolder) -> None:
    """Write a table and its class list into a run."""
    table.write_csv(run.stage_dir(CheckRecord.STAGE) / SAMPLES)
    LabelsRecord(labels=table.labels.names, sha256=table.labels.sha256).write(run.root)


def frozen_samples(run: RunFolder) -> SampleTable:
    """The table that ``check`` froze.

    Raises:
        RunError: ``check`` has not finished here.
        DataError: The table is damaged.
    """
    root = Path(CheckRecord.read(run.root).root)
    path = run.root / CheckRecord.STAGE / SAMPLES
    return SampleTable.read_csv(path, root=root, labels=run.labels())
