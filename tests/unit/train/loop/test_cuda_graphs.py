"""What a recorded backbone does; torch's recording itself only where there is a GPU."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.ops import StochasticDepth

from edgefit.progress import Reporter
from edgefit.train.backbones.build import build_backbone
from edgefit.train.backbones.card import list_cards, load_card
from edgefit.train.loop.cuda_graphs import OTHER_STREAM, GraphedBackbone
from tests.cuda_graphs import Recorder

SHAPE = (4, 3, 32, 32)
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="records on an NVIDIA GPU")
other_stream = pytest.mark.filterwarnings(f"ignore:{OTHER_STREAM}")


class Backbone(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.AdaptiveAvgPool2d(1))
        self.append(nn.Flatten())


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(torch.cuda, "make_graphed_callables", recorder)
    return recorder


def buffers(module: nn.Module) -> list[Tensor]:
    return [buffer.clone() for buffer in module.buffers()]


def same(first: list[Tensor], second: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_recording_leaves_the_statistics_and_forward_of_the_backbone(recorder: Recorder) -> None:
    backbone = Backbone().train()
    before = buffers(backbone)
    graphed = GraphedBackbone(backbone, batch_size=4)
    graphed.record(32, 32)
    assert recorder.recorded == [SHAPE]
    assert same(buffers(backbone), before)
    backbone(torch.ones(SHAPE))
    assert recorder.replays == 0
    assert not same(buffers(backbone), before), "and they can still be learned"


def test_only_full_batches_of_the_recorded_size_are_replayed(recorder: Recorder) -> None:
    backbone = Backbone().eval()
    graphed = GraphedBackbone(backbone, batch_size=4)
    for shape, replays in ((SHAPE, 0), (SHAPE, 1), ((3, 3, 32, 32), 1), ((4, 3, 32, 48), 1)):
        images_NCHW = torch.rand(shape)
        assert torch.equal(graphed(images_NCHW), backbone(images_NCHW))
        assert recorder.replays == replays
        graphed.record(32, 32)
    assert recorder.recorded == [SHAPE], "once"


@pytest.mark.slow
def test_another_size_takes_the_place_of_the_one_before(recorder: Recorder) -> None:
    graphed = GraphedBackbone(Backbone(), batch_size=4)
    graphed.record(32, 32)
    graphed.record(48, 32)
    graphed(torch.rand(SHAPE))
    assert recorder.replays == 0
    graphed(torch.rand(4, 3, 48, 32))
    assert recorder.replays == 1
    graphed.forget()
    graphed(torch.rand(4, 3, 48, 32))
    assert recorder.replays == 1


def test_where_it_cannot_be_recorded_a_warning_is_given_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(body: nn.Module, example: tuple[Tensor]) -> None:
        body(torch.ones_like(example[0]))
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", refuse)
    backbone = Backbone().train()
    before = buffers(backbone)
    graphed = GraphedBackbone(backbone, batch_size=4, reporter=Reporter())
    for _ in range(2):
        graphed.record(32, 32)
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("cannot be recorded as a CUDA graph") == 1
    assert "not permitted when stream is capturing" in said
    assert "more" not in said.split("capturing")[1]
    assert same(buffers(backbone), before)
    assert graphed(torch.rand(SHAPE)).shape == (4, 6)


@pytest.mark.slow
def test_memory_is_given_back_though_torch_keeps_a_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before torch 2.15 what it installs as ``forward`` refers to the module itself."""
    graphs: list[weakref.ref[nn.Module]] = []

    def record(body: nn.Module, example: tuple[Tensor]) -> None:
        assert not gc.isenabled(), "a graph freed now would spoil the recording"
        graph = nn.Identity()
        graphs.append(weakref.ref(graph))
        body.forward = lambda images_NCHW: (graph, body)  # type: ignore[method-assign]

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", record)
    graphed = GraphedBackbone(Backbone(), batch_size=4)
    graphed.record(32, 32)
    assert gc.isenabled()
    assert graphs[0]() is not None
    graphed.forget()
    assert graphs[0]() is None


def step(backbone: nn.Module, run: Any, images_NCHW: Tensor) -> tuple[Tensor, list[Tensor]]:
    backbone.zero_grad()
    features_NF = run(images_NCHW)
    features_NF.float().square().mean().backward()
    gradients = [p.grad.clone() for p in backbone.parameters() if p.grad is not None]
    return features_NF.detach().clone(), gradients


@gpu
@other_stream
@pytest.mark.parametrize("low", [False, True], ids=["float32", "bf16"])
@pytest.mark.parametrize("id", list_cards())
def test_a_recorded_step_is_the_step(id: str, low: bool) -> None:
    torch.manual_seed(0)
    card = load_card(id)
    backbone = build_backbone(card).cuda().to(memory_format=torch.channels_last).train()
    for module in backbone.modules():
        if isinstance(module, (nn.Dropout, StochasticDepth)):
            module.p = 0.0
    graphed = GraphedBackbone(backbone, batch_size=8, reporter=Refuses())
    side = max(64, card.min_input_size)
    with torch.autocast("cuda", torch.bfloat16, enabled=low):
        graphed.record(side, side)
        for _ in range(2):
            images_NCHW = torch.randn(8, 3, side, side, device="cuda")
            images_NCHW = images_NCHW.contiguous(memory_format=torch.channels_last)
            start = buffers(backbone)
            expected, gradients = step(backbone, backbone, images_NCHW)
            plain = buffers(backbone)
            with torch.no_grad():
                for buffer, value in zip(backbone.buffers(), start, strict=True):
                    buffer.copy_(value)
            found, others = step(backbone, graphed, images_NCHW)
            close = {"rtol": 0.05, "atol": 0.05} if low else {"rtol": 1e-3, "atol": 1e-3}
            torch.testing.assert_close(found, expected, **close)
            torch.testing.assert_close(buffers(backbone), plain, **close)
            assert len(others) == len(gradients) > 0
            for gradient, other in zip(gradients, others, strict=True):
                difference = (gradient - other).norm() / (gradient.norm() + 1e-6)
                assert difference < (0.2 if low else 0.01)


@gpu
def test_a_replay_draws_by_the_seed_of_its_step() -> None:
    backbone = Backbone().append(nn.Dropout(0.5)).cuda().train()
    graphed = GraphedBackbone(backbone, batch_size=4, reporter=Refuses())
    graphed.record(32, 32)
    images_NCHW = torch.randn(SHAPE, device="cuda")
    drawn = []
    for seed in (1, 2, 1):
        torch.cuda.manual_seed(seed)
        drawn.append(graphed(images_NCHW).detach() == 0)
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[1])


class Refuses(Reporter):
    """A reporter for a recording that must not fail."""

    def warn(self, text: str) -> None:
        raise AssertionError(text)


class Asks(Backbone):
    """Its forward pass waits for the GPU, which a recording does not allow."""

    def forward(self, images_NCHW: Tensor) -> Tensor:
        found: Tensor = super().forward(images_NCHW)
        return found * (1 if images_NCHW.sum().item() > 0 else 2)


@gpu
@other_stream
def test_a_gpu_goes_on_after_a_recording_that_failed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    backbone = Asks().cuda().train()
    graphed = GraphedBackbone(backbone, batch_size=4, reporter=Reporter())
    graphed.record(32, 32)
    assert "cannot be recorded" in capsys.readouterr().err
    features_NF, gradients = step(backbone, graphed, torch.ones(SHAPE, device="cuda"))
    assert torch.isfinite(features_NF).all()
    assert len(gradients) == 4
    other = GraphedBackbone(Backbone().cuda(), batch_size=4, reporter=Refuses())
    other.record(32, 32)
    assert other(torch.ones(SHAPE, device="cuda")).shape == (4, 6)
