"""What the stage ``retention`` writes: general knowledge before and after fine-tuning."""

from __future__ import annotations

from typing import ClassVar

from edgefit.records.figures import Figure
from edgefit.records.passed_over import PassedOverFiles
from edgefit.records.record import Part, Record


class GeneralFacts(Part):
    """Where the general images are, how many there are, and which were left out.

    Attributes:
        root: Their folder.
        classes: Number of general classes.
        replay_images: The half that training may see.
        probe_images: The half that is measured.
        unreadable: ``{path: reason}`` of the images that cannot be decoded.
        duplicates: Paths left out because an earlier image has the same pixels.
        fingerprint: Of the measured half.
        passed_over: Entries of the folder that are not read, by reason and suffix.
    """

    root: str
    classes: int
    replay_images: int
    probe_images: int
    unreadable: dict[str, str]
    duplicates: tuple[str, ...]
    fingerprint: str
    passed_over: tuple[PassedOverFiles, ...] = ()


class ProbeAccuracy(Figure):
    """Accuracy of a probe on the general images, with its interval.

    Attributes:
        strength: The inverse regularisation that the linear probe chose; None for nearest
            neighbours.
    """

    OMITTED: ClassVar[frozenset[str]] = frozenset({"strength"})

    strength: float | None = None


class ProbeRetention(Part):
    """One probe on the backbone as it started and as it ended.

    Attributes:
        before: Accuracy on the starting backbone.
        after: Accuracy on the trained one.
        kept: ``after / before``, with a paired interval.
    """

    before: ProbeAccuracy
    after: ProbeAccuracy
    kept: Figure


class RetentionRecord(Record):
    """General knowledge of the backbone before and after fine-tuning.

    Attributes:
        general: The general images.
        images: Number of images measured.
        classes: Number of general classes.
        k: Number of neighbours that vote.
        confidence: Confidence of the intervals.
        neighbours: The nearest-neighbour probe.
        linear: The linear probe.
        notes: What a reader must know.
        seconds: Duration of the stage.
        source_fingerprint: Of the folder of general images; None where it no longer exists.
    """

    STAGE: ClassVar[str] = "retention"
    FILE: ClassVar[str] = "retention.json"

    general: GeneralFacts
    images: int
    classes: int
    k: int
    confidence: float
    neighbours: ProbeRetention
    linear: ProbeRetention
    notes: tuple[str, ...]
    seconds: float
    source_fingerprint: str | None

    @property
    def by_probe(self) -> dict[str, ProbeRetention]:
        """Both probes by name, in the order of tables."""
        return {"neighbours": self.neighbours, "linear": self.linear}
