"""Pretrained weights: what is loaded, what is refused, and that nothing falls back in silence."""

from __future__ import annotations

import argparse
import gc
import hashlib
import os
import pickle
import shlex
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from edgefit.errors import WeightsError
from edgefit.records.train import WeightsReport
from edgefit.spec.weights import WeightsSource
from edgefit.train.backbones import weights as weights_module
from edgefit.train.backbones.build import build_backbone
from edgefit.train.backbones.card import load_card
from edgefit.train.backbones.weights import load_weights, read_state

CARD = load_card("squeezenet1_1")


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """A state dict of the whole network, head included, as torchvision publishes it."""
    torch.manual_seed(7)
    backbone = build_backbone(CARD).state_dict()
    return backbone | {"classifier.1.weight": torch.ones(9, 512, 1, 1)}


def load(path: Path) -> tuple[nn.Module, WeightsReport]:
    backbone = build_backbone(CARD)
    return backbone, load_weights(backbone, CARD, WeightsSource(str(path)))


def assert_filled(backbone: nn.Module, state: dict[str, torch.Tensor]) -> None:
    for name, value in backbone.state_dict().items():
        assert torch.equal(value, state[name]), name


# -- files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_pth_files(
    tmp_path: Path, state: dict[str, torch.Tensor], wrapper: str | None, prefix: str
) -> None:
    named: dict[str, Any] = {prefix + k: v for k, v in state.items()}
    torch.save({wrapper: named, "epoch": 3} if wrapper else named, tmp_path / "w.pth")
    backbone, report = load(tmp_path / "w.pth")
    assert_filled(backbone, state)
    assert report.source == "w.pth"
    assert report.sha256 == hashlib.sha256((tmp_path / "w.pth").read_bytes()).hexdigest()
    assert (report.missing, report.unexpected) == ((), ())
    assert report.unused_head == ("classifier.1.weight",)


def test_safetensors_files(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    save_file(state, tmp_path / "w.safetensors")
    backbone, _ = load(tmp_path / "w.safetensors")
    assert_filled(backbone, state)


def lightning(state: dict[str, torch.Tensor]) -> dict[str, Any]:
    named = {f"model.{name}": tensor for name, tensor in state.items()}
    facts = {"epoch": 3, "hyper_parameters": {"lr": 0.1}, "optimizer_states": [{"state": {}}]}
    return {"state_dict": named, **facts}


def test_a_checkpoint_of_lightning_is_unwrapped_and_told(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    torch.save(lightning(state), tmp_path / "last.ckpt")
    backbone, report = load(tmp_path / "last.ckpt")
    assert_filled(backbone, state)
    assert report.unwrapped == "state_dict with the prefix model."
    assert report.origin == "last.ckpt (state_dict with the prefix model.)"
    assert (report.unexpected, report.unused_head) == ((), ("classifier.1.weight",))
    assert WeightsReport.model_validate(report.to_json()) == report


def test_an_average_is_left_aside_and_told(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    average = {name: tensor + 1 for name, tensor in state.items()}
    torch.save({"state_dict": state, "state_dict_ema": average}, tmp_path / "w.pth")
    backbone, report = load(tmp_path / "w.pth")
    assert_filled(backbone, state)
    assert report.left_aside == ("state_dict_ema",)
    assert report.origin == "w.pth (state_dict), not from state_dict_ema"


@pytest.mark.parametrize("prefix", ["model.", "module.", "backbone._orig_mod."])
def test_safetensors_files_with_a_prefix(
    tmp_path: Path, state: dict[str, torch.Tensor], prefix: str
) -> None:
    save_file({prefix + k: v for k, v in state.items()}, tmp_path / "w.safetensors")
    backbone, report = load(tmp_path / "w.safetensors")
    assert_filled(backbone, state)
    assert report.unwrapped == f"the prefix {prefix}"


def test_two_networks_in_a_file_are_refused_by_name(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    both = {f"{prefix}.{k}": v for prefix in ("left", "right") for k, v in state.items()}
    torch.save(both, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="more than once") as caught:
        load(tmp_path / "w.pth")
    assert caught.value.found == "the prefix left., the prefix right."


def test_names_that_fit_nowhere_are_named(tmp_path: Path) -> None:
    torch.save({"model.conv.weight": torch.ones(1), "head.w": torch.ones(1)}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="do not fit squeezenet1_1") as caught:
        load(tmp_path / "w.pth")
    assert "the names in the file begin with head., model." in str(caught.value.found)


@pytest.mark.slow
def test_a_checkpoint_with_objects_names_them_and_the_command_works(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "it's a run.ckpt"
    torch.save({**lightning(state), "args": argparse.Namespace(lr=0.1)}, path)
    with pytest.raises(WeightsError, match="cannot be loaded safely") as caught:
        load(path)
    assert "argparse.Namespace" in str(caught.value.found)
    words = shlex.split(str(caught.value.remedy).partition(": ")[2])
    assert words[0] == "python"
    subprocess.run([sys.executable, *words[1:]], check=True)
    backbone, report = load(tmp_path / "it's a run-weights.pth")
    assert_filled(backbone, state)
    assert report.unwrapped == "the prefix model."


def test_none_leaves_the_random_start() -> None:
    backbone = build_backbone(CARD)
    before = {k: v.clone() for k, v in backbone.state_dict().items()}
    assert load_weights(backbone, CARD, WeightsSource("none")).to_json() == {
        "source": "none",
        "sha256": None,
        "missing": [],
        "unexpected": [],
        "unused_head": [],
    }
    assert_filled(backbone, before)


def test_tensors_without_a_place_are_reported(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    torch.save(state | {"extra.weight": torch.ones(1)}, tmp_path / "w.pth")
    assert load(tmp_path / "w.pth")[1].unexpected == ("extra.weight",)


def test_missing_and_misshaped_tensors_are_an_error(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    torch.save({k: v for k, v in state.items() if k != "features.0.bias"}, tmp_path / "m.pth")
    with pytest.raises(WeightsError, match="do not fit squeezenet1_1") as caught:
        load(tmp_path / "m.pth")
    assert "1 missing ['features.0.bias']" in str(caught.value.found)
    torch.save(state | {"features.0.bias": torch.ones(3)}, tmp_path / "s.pth")
    with pytest.raises(WeightsError) as caught:
        load(tmp_path / "s.pth")
    assert "features.0.bias: file (3,), network (64,)" in str(caught.value.found)


def test_another_networks_file_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    torch.save(build_backbone(load_card("shufflenet_v2_x1_0")).state_dict(), tmp_path / "w.pth")
    backbone = build_backbone(CARD)
    before = {k: v.clone() for k, v in backbone.state_dict().items()}
    with pytest.raises(WeightsError, match="do not fit"):
        load_weights(backbone, CARD, WeightsSource(str(tmp_path / "w.pth")))
    assert_filled(backbone, before)


class _Malicious:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, (self.command,))


@pytest.mark.parametrize("way", ["pickle", "torch", "inside"])
def test_code_in_a_file_is_not_run(tmp_path: Path, way: str) -> None:
    trace = tmp_path / "was_here"
    evil = _Malicious(f"touch {trace}")
    path = tmp_path / "w.pth"
    if way == "pickle":
        path.write_bytes(pickle.dumps(evil, protocol=2))
    else:
        torch.save(evil if way == "torch" else {"a": torch.ones(1), "b": evil}, path)
    with pytest.raises(WeightsError, match="cannot be loaded safely"):
        read_state(path)
    assert not trace.exists()


def damaged() -> dict[str, bytes]:
    junk = bytes(range(256)) * 20
    return {"empty": b"", "text": b"not weights\n", "junk": junk, "zip": b"PK\x03\x04" + junk}


@pytest.mark.parametrize("name", damaged())
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_damaged_files(tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"w{suffix}"
    path.write_bytes(damaged()[name])
    with pytest.raises(WeightsError) as caught:
        read_state(path)
    assert caught.value.path == str(path)
    assert caught.value.found


def test_a_file_cut_short_anywhere_is_a_clear_error(tmp_path: Path) -> None:
    torch.save({"a": torch.arange(40.0), "b": torch.ones(3, 3)}, tmp_path / "w.pth")
    whole = (tmp_path / "w.pth").read_bytes()
    torch.save({"a": torch.ones(9)}, tmp_path / "o.pth", _use_new_zipfile_serialization=False)
    old = (tmp_path / "o.pth").read_bytes()
    for content in (whole, old):
        for length in range(0, len(content) - 1, max(1, len(content) // 40)):
            (tmp_path / "cut.pth").write_bytes(content[:length])
            with pytest.raises(WeightsError):
                read_state(tmp_path / "cut.pth")


def test_what_is_no_dictionary_of_tensors(tmp_path: Path) -> None:
    for value in ({}, [1, 2], {"a": 3}, {"state_dict": {}}, torch.ones(3)):
        torch.save(value, tmp_path / "w.pth")
        with pytest.raises(WeightsError, match="not hold a dictionary of tensors"):
            read_state(tmp_path / "w.pth")


@pytest.mark.parametrize("name", ["absent.pth", "."])
def test_a_path_that_is_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(WeightsError, match="does not exist"):
        read_state(tmp_path / name)


# -- imagenet, from a server on this machine -------------------------------------------------


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on standard error."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """Serves ``folder``; torch's cache is empty and lies in the test's own folder."""
    folder = tmp_path / "served"
    folder.mkdir()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=web.serve_forever, args=(0.01,), daemon=True)
    thread.start()

    def offer(name: str) -> None:
        url = f"http://127.0.0.1:{web.server_port}/{name}"
        monkeypatch.setattr(
            weights_module.torchvision.models, "get_weight", lambda _: SimpleNamespace(url=url)
        )

    def stop() -> None:
        web.shutdown()
        web.server_close()
        thread.join()

    cache = tmp_path / "torch" / "hub" / "checkpoints"
    yield SimpleNamespace(folder=folder, cache=cache, offer=offer, stop=stop)
    if thread.is_alive():
        stop()
    with warnings.catch_warnings():  # torch.hub leaves a failed connection to the collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def publish(server: SimpleNamespace, state: dict[str, Any], *, prefix: str | None = None) -> str:
    path = server.folder / "new.pth"
    torch.save(state, path)
    name = f"net-{prefix or hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.pth"
    path.rename(server.folder / name)
    server.offer(name)
    return name


def imagenet() -> tuple[nn.Module, WeightsReport]:
    backbone = build_backbone(CARD)
    return backbone, load_weights(backbone, CARD, WeightsSource("imagenet"))


def test_imagenet_is_downloaded_once_and_then_taken_from_the_cache(
    server: SimpleNamespace, state: dict[str, torch.Tensor]
) -> None:
    name = publish(server, state)
    backbone, report = imagenet()
    assert_filled(backbone, state)
    assert report.source == "imagenet"
    assert report.sha256 is not None and report.sha256.startswith(name[4:12])
    assert [p.name for p in server.cache.iterdir()] == [name]
    server.stop()
    backbone, _ = imagenet()
    assert_filled(backbone, state)


def test_a_download_with_another_hash_is_refused_and_not_kept(
    server: SimpleNamespace, state: dict[str, torch.Tensor]
) -> None:
    publish(server, state, prefix="00000000")
    with pytest.raises(WeightsError, match="do not match the hash in their name"):
        imagenet()
    assert list(server.cache.iterdir()) == []


def test_a_cached_file_that_was_changed_is_refused(
    server: SimpleNamespace, state: dict[str, torch.Tensor]
) -> None:
    name = publish(server, state)
    imagenet()
    torch.save(state | {"features.0.bias": torch.zeros(64)}, server.cache / name)
    with pytest.raises(WeightsError, match="cached weights do not match the hash") as caught:
        imagenet()
    assert caught.value.path == str(server.cache / name)


@pytest.mark.parametrize("failure", ["down", "404"])
def test_offline_names_the_three_ways_out(
    server: SimpleNamespace, state: dict[str, torch.Tensor], failure: str
) -> None:
    name = publish(server, state)
    if failure == "down":
        server.stop()
    else:
        (server.folder / name).unlink()
    with pytest.raises(WeightsError, match="cannot be downloaded") as caught:
        imagenet()
    remedy = str(caught.value.remedy)
    assert str(server.cache / name) in remedy
    for way in ("(1)", "(2)", "(3)", "--weights FILE", "--weights none"):
        assert way in remedy
    assert list(server.cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_said(
    server: SimpleNamespace, state: dict[str, torch.Tensor]
) -> None:
    publish(server, state)
    server.cache.parent.mkdir(parents=True)
    server.cache.write_text("a file where the folder should be")
    with pytest.raises(WeightsError, match="cannot be downloaded"):
        imagenet()
