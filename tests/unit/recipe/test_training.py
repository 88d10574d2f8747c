"""Keys of ``model`` and ``train`` that exclude or need each other."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from edgefit.recipe import InterpolationConfig, ProbeConfig, TrainConfig
from edgefit.spec.weights import WeightsSource


@pytest.mark.parametrize(
    ("batch_norm", "weights", "learns"),
    [
        ("auto", "none", True),
        ("auto", "imagenet", False),
        ("auto", "base.safetensors", False),
        ("learned", "imagenet", True),
        ("frozen", "none", False),
    ],
)
def test_batch_norm_adapts_by_default_from_random_weights_only(
    batch_norm: Any, weights: str, learns: bool
) -> None:
    assert TrainConfig(batch_norm=batch_norm).learns_batch_norm(WeightsSource(weights)) is learns


@pytest.mark.parametrize("mode", ["probe", "full"])
def test_a_line_between_two_networks_needs_both(mode: Any) -> None:
    line = InterpolationConfig(points=5)
    with pytest.raises(ValidationError, match="interpolation needs both ends"):
        TrainConfig(mode=mode, interpolation=line)
    assert TrainConfig(interpolation=line).interpolation.points == 5


@pytest.mark.parametrize(
    "idle",
    [{"freeze_stages": 1}, {"keep": {"l2_sp": 0.1}}, {"teacher": {"run": "big"}}],
    ids=lambda keys: next(iter(keys)),
)
def test_what_a_probe_would_ignore_is_refused(idle: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="no effect in mode probe"):
        TrainConfig.model_validate({"mode": "probe", **idle})
    TrainConfig.model_validate({"mode": "full", **idle})


@pytest.mark.parametrize("points", [1, -1, 52])
def test_a_line_has_two_ends_or_is_off(points: int) -> None:
    with pytest.raises(ValidationError):
        InterpolationConfig(points=points)


def test_a_probe_needs_a_strength_and_two_folds() -> None:
    for wrong in ({"strengths": []}, {"strengths": [0]}, {"folds": 1}, {"views": 0}):
        with pytest.raises(ValidationError):
            ProbeConfig.model_validate(wrong)


def test_settings_cannot_be_changed_behind_the_fingerprint() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        TrainConfig().epochs = 3  # type: ignore[misc]
