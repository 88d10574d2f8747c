"""Feature maps from inside a backbone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from edgefit.train.backbones.taps import feature_maps


@pytest.fixture
def backbone() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1),
        nn.Sequential(nn.ReLU(), nn.Conv2d(4, 6, 3, stride=2, padding=1)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def hooks_of(backbone: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in backbone.modules())


def test_maps_come_in_the_order_asked_for_beside_the_same_features(backbone: nn.Module) -> None:
    images = torch.randn(2, 3, 16, 16)
    features, (deep, shallow) = feature_maps(backbone, ["1.1", "0"], images)
    assert torch.equal(features, backbone(images))
    assert (deep.shape, shallow.shape) == ((2, 6, 4, 4), (2, 4, 8, 8))
    assert torch.equal(shallow, backbone[0](images))  # type: ignore[index]
    torch.testing.assert_close(deep.mean(dim=(2, 3)), features)
    assert feature_maps(backbone, [], images)[1] == ()


def test_the_backbone_is_left_as_it_was(backbone: nn.Module) -> None:
    feature_maps(backbone, ["0"], torch.randn(1, 3, 16, 16))
    assert hooks_of(backbone) == 0
    with pytest.raises(RuntimeError):
        feature_maps(backbone, ["0"], torch.randn(1, 5, 16, 16))
    assert hooks_of(backbone) == 0
    with pytest.raises(AttributeError):
        feature_maps(backbone, ["nowhere"], torch.randn(1, 3, 16, 16))
