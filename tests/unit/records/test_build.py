"""What a build ends with, put together from what its stages found."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.records.benchmark import BenchmarkRecord
from edgefit.records.build import BuildResult, BuiltVariant
from edgefit.records.evaluate import EvaluateRecord
from edgefit.records.verify import VerifyRecord


@pytest.fixture
def result(finished: Path) -> BuildResult:
    return BuildResult.of(
        "run",
        "run/bundle",
        EvaluateRecord.read(finished),
        VerifyRecord.read(finished),
        BenchmarkRecord.read(finished),
        training_seconds=12.5,
        seconds={"check": 0.5},
    )


def test_every_exported_file_has_its_verdict_and_what_passed_its_figures(
    result: BuildResult, finished: Path
) -> None:
    verified, measured = VerifyRecord.read(finished), BenchmarkRecord.read(finished)
    figures = {entry.variant: entry.figures() for entry in measured.measured}
    assert result.variants
    for built, verdict in zip(result.variants, verified.variants, strict=True):
        assert built == BuiltVariant.of(verdict, figures.get(verdict.variant))
        assert built.metrics == verdict.metrics
        assert built.benchmark == figures.get(built.variant)
    assert {v.variant for v in result.variants if v.passed} == set(verified.passed)


def test_a_variant_that_was_not_measured_has_no_figures(finished: Path) -> None:
    verdict = VerifyRecord.read(finished).variants[0]
    assert BuiltVariant.of(verdict, None).benchmark is None


def test_the_trained_networks_own_figures_stand_beside_them(
    result: BuildResult, finished: Path
) -> None:
    evaluated = EvaluateRecord.read(finished)
    assert (result.images, result.trained) == (evaluated.images, evaluated.metrics)
    assert result.worst_class == evaluated.worst_class
    assert result.operating == evaluated.operating
    assert (result.training_seconds, result.seconds) == (12.5, {"check": 0.5})


def test_it_is_the_same_after_json(result: BuildResult) -> None:
    assert BuildResult.model_validate(result.to_json()) == result
