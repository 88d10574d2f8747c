"""Every card against the network that torchvision really builds: no figure is taken on trust."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
import yaml
from torch import nn

from edgefit.errors import InputError
from edgefit.resources import resource
from edgefit.train.backbones.card import BackboneCard, _read_card, list_cards, load_card
from edgefit.train.backbones.taps import feature_maps

LARGE = {"vgg16", "resnet50", "inception_v3"}
SMALL = {
    "efficientnet_b0",
    "mnasnet1_0",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "regnet_x_400mf",
    "resnet18",
    "shufflenet_v2_x1_0",
    "squeezenet1_1",
}
EACH = [
    pytest.param(i, marks=pytest.mark.slow if i in LARGE else ()) for i in sorted(LARGE | SMALL)
]


def build(card: BackboneCard) -> nn.Module:
    """The card's network with its head taken off, in evaluation mode."""
    builder = getattr(torchvision.models, card.builder)
    network: nn.Module = builder(weights=None, **card.builder_args)
    network.set_submodule(card.head, nn.AdaptiveAvgPool2d(1) if card.pool else nn.Identity())
    return network.eval()


@contextmanager
def counting_macs(network: nn.Module) -> Iterator[list[int]]:
    """Collect multiply-accumulates of each convolution and dense layer as it runs."""
    macs: list[int] = []

    def count(module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            per_output = module.in_channels // module.groups * int(np.prod(module.kernel_size))
        else:
            per_output = int(module.in_features)
        macs.append(output.numel() * per_output)

    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    yield macs
    for hook in hooks:
        hook.remove()


def features(network: nn.Module, size: int) -> torch.Tensor:
    with torch.inference_mode():
        return network(torch.zeros(1, 3, size, size))


def test_catalogue_is_complete() -> None:
    assert set(list_cards()) == LARGE | SMALL
    assert len(list_cards()) == 12
    assert len(list(resource("models", "backbones").iterdir())) == 12


@pytest.mark.parametrize("name", EACH)
def test_card_tells_the_truth_about_its_network(name: str) -> None:
    card = load_card(name)
    network = build(card)
    parameters = dict(network.named_parameters())
    assert sum(p.numel() for p in parameters.values()) == card.parameters

    placed = [card.stage_of(parameter) for parameter in parameters]
    assert set(placed) == set(range(len(card.stages))), "a stage holds no parameter"
    assert placed == sorted(placed), "stages do not run from input to output"
    for module in (m for stage in card.stages for m in stage):
        assert next(network.get_submodule(module).parameters(), None) is not None, module

    with counting_macs(network) as macs:
        output = features(network, card.input_size)
    assert output.shape == (1, card.feature_dim)
    assert sum(macs) == card.macs


@pytest.mark.parametrize("name", EACH)
def test_head_is_the_last_thing_and_the_network_runs_at_the_smallest_size(name: str) -> None:
    card = load_card(name)
    assert features(build(card), card.min_input_size).shape == (1, card.feature_dim)
    whole = getattr(torchvision.models, card.builder)(weights=None, **card.builder_args)
    head = whole.get_submodule(card.head)
    assert sum(p.numel() for p in whole.parameters()) == card.parameters + sum(
        p.numel() for p in head.parameters()
    )
    assert features(whole.eval(), card.min_input_size).shape == (1, 1000)


@pytest.mark.parametrize("name", EACH)
def test_taps_give_the_maps_that_the_card_states(name: str) -> None:
    card = load_card(name)
    network, size = build(card), card.input_size
    images_NCHW = torch.rand(2, 3, size, size)
    with torch.inference_mode():
        features_NF, maps = feature_maps(network, [tap.module for tap in card.taps], images_NCHW)
        assert torch.equal(features_NF, network(images_NCHW)), "looking on changes nothing"
    for tap, found_NCHW in zip(card.taps, maps, strict=True):
        images, channels, height, width = found_NCHW.shape
        assert (images, channels) == (2, tap.channels), tap.module
        assert height == width
        assert 2 ** round(np.log2(size / height)) == tap.stride, tap.module
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize("name", sorted(LARGE | SMALL))
def test_card_agrees_with_the_official_weights_enum(name: str) -> None:
    card = load_card(name)
    enum, member = card.weights_enum.split(".")
    weights = getattr(torchvision.models, enum)[member]
    preset = weights.transforms()
    assert card.licence.source_url == weights.url
    assert preset.crop_size == [card.input_size]
    assert min(weights.meta["min_size"]) <= card.min_input_size
    if name == "inception_v3":  # torchvision moves the range inside the network there
        assert card.mean == card.std == (0.5, 0.5, 0.5)
    else:
        assert (list(card.mean), list(card.std)) == (preset.mean, preset.std)


def test_inceptions_range_is_what_torchvisions_own_network_feeds_itself() -> None:
    card = load_card("inception_v3")
    preset = torchvision.models.Inception_V3_Weights.IMAGENET1K_V1.transforms()
    pixels = torch.rand(2, 3, 4, 4)
    mean, std = (torch.tensor(v)[:, None, None] for v in (preset.mean, preset.std))
    stand_in = torchvision.models.Inception3.__new__(torchvision.models.Inception3)
    nn.Module.__init__(stand_in)
    stand_in.transform_input = True
    fed = stand_in._transform_input((pixels - mean) / std)
    torch.testing.assert_close(fed, (pixels - card.mean[0]) / card.std[0])


@pytest.mark.parametrize("name", sorted(LARGE | SMALL))
def test_published_int8_figures_are_torchvisions(name: str) -> None:
    quantized = {
        "mobilenet_v2": "QNNPACK_V1",
        "mobilenet_v3_large": "QNNPACK_V1",
        "shufflenet_v2_x1_0": "FBGEMM_V1",
        "resnet18": "FBGEMM_V1",
        "resnet50": "FBGEMM_V2",
        "inception_v3": "FBGEMM_V1",
    }
    card = load_card(name)
    figures = re.findall(r"(\d\d\.\d\d) %", card.quantization.note)
    if name not in quantized:
        assert figures == []
        return
    enum = card.weights_enum.split(".")[0].replace("_Weights", "_QuantizedWeights")
    int8 = getattr(torchvision.models.quantization, enum)[f"IMAGENET1K_{quantized[name]}"]
    published = [
        w.meta["_metrics"]["ImageNet-1K"]["acc@1"] for w in (int8, int8.meta["unquantized"])
    ]
    assert [float(f) for f in figures] == pytest.approx(published, abs=0.0051)


@pytest.mark.parametrize("name", sorted(LARGE | SMALL))
def test_every_card_says_plainly_what_the_weights_were_trained_on(name: str) -> None:
    licence = load_card(name).licence
    assert licence.code == "BSD-3-Clause"
    assert "ImageNet" in licence.note
    assert "non-commercial" in licence.note


def test_unknown_id_lists_all_and_suggests_without_using() -> None:
    with pytest.raises(InputError) as caught:
        load_card("mobilenetv2")
    assert all(i in str(caught.value.expected) for i in list_cards())
    assert "mobilenet_v2" in str(caught.value.remedy)
    with pytest.raises(InputError):
        load_card("../backbones/resnet18")


def test_stage_matching_needs_whole_name_components() -> None:
    card = load_card("mnasnet1_0")
    assert card.stage_of("layers.1.weight") == 0
    assert card.stage_of("layers.10.0.layers.0.weight") == 3
    with pytest.raises(InputError, match="once"):
        card.stage_of("classifier.1.weight")


def write_card(folder: Path, **changes: object) -> Path:
    text = resource("models", "backbones", "resnet18", "card.yaml").read_text(encoding="utf-8")
    path = folder / "resnet18" / "card.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(yaml.safe_load(text) | changes), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "blue"},
        {"feature_dim": 0},
        {"min_input_size": 9999},
        {"std": [0.2, 0.2, 0.0]},
        {"stages": [["conv1"], ["layer1"], ["layer2"], ["layer2"]]},
        {"taps": [{"module": "layer1", "stride": 4, "channels": 64}] * 3},
        {"taps": []},
    ],
)
def test_invalid_card_is_an_error_that_names_the_file(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    path = write_card(tmp_path, **changes)
    with pytest.raises(InputError) as caught:
        _read_card(path)
    assert caught.value.path == str(path)


def test_card_with_a_foreign_id_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        _read_card(write_card(tmp_path, id="resnet19"))
    assert caught.value.key == "id"
