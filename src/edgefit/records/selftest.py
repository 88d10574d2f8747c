"""The self-test of a bundle: what each variant answered on this machine."""

from __future__ import annotations

from typing import Literal

from edgefit.records.record import Part


class Flip(Part):
    """A golden frame whose answer is not the expected one.

    Attributes:
        frame: The frame's name.
        expected: The answer where the bundle was verified, for instance a class.
        found: The answer here.
        margin: How clear the expected answer was, in the unit of the task's outputs.
        allowed: Whether the margin is small enough for rounding to change the answer.
    """

    frame: str
    expected: str
    found: str
    margin: float
    allowed: bool


class Replayed(Part):
    """A variant that ran.

    Attributes:
        status: Whether it answered as expected.
        max_abs_difference: Largest difference of any value; None where one is not finite.
        tolerance: Largest difference that still passes.
        flips: Frames with another answer.
        session: What really ran: engine, version, device, threads, inference precision, batch.
    """

    status: Literal["passed", "failed"]
    max_abs_difference: float | None
    tolerance: float
    flips: list[Flip]
    session: dict[str, str]


class NotInstalled(Part):
    """A variant whose engine is not installed.

    Attributes:
        status: Always ``not installed``.
        remedy: The command that installs it.
    """

    status: Literal["not installed"] = "not installed"
    remedy: str


class SelfTestResult(Part):
    """A replay of the golden frames.

    Attributes:
        passed: Whether at least one variant ran, and none failed.
        frames: Number of golden frames.
        variants: ``engine/precision`` -> its result.
    """

    passed: bool
    frames: int
    variants: dict[str, Replayed | NotInstalled]
