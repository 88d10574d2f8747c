"""What every format gives: the table of samples, and what was not read."""

from __future__ import annotations

from dataclasses import dataclass

from edgefit.data.table import SampleTable
from edgefit.records.check import Finding
from edgefit.runtime.walking import PassedOver


@dataclass(frozen=True)
class Reading:
    """A data set as a format read it; no image has been opened.

    Attributes:
        table: The samples sorted by path.
        passed_over: Every other entry of the folder, with the reason.
        findings: What the user should know about the layout and the names.
    """

    table: SampleTable
    passed_over: tuple[PassedOver, ...] = ()
    findings: tuple[Finding, ...] = ()
