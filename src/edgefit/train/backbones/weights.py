"""Pretrained weights: from torchvision, from a file, or none. Never a silent fallback.

``imagenet`` means torchvision's own weights: they are downloaded once to torch's cache and checked
against the hash in the file's name. Loading a file never executes code in it (``weights_only=True``
or safetensors).
"""

from __future__ import annotations

import hashlib
import http.client
import pickle
import re
import struct
import urllib.error
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from edgefit.bundle import sha256_of
from edgefit.errors import WeightsError, missing_weights
from edgefit.records.train import WeightsReport
from edgefit.spec.weights import WeightsSource
from edgefit.train.backbones.card import BackboneCard

State = dict[str, Tensor]
UNREADABLE = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    AssertionError,
    struct.error,
    OSError,
)
"""What torch.load raises for files that are damaged, of another kind, or hold code."""
_HASH_IN_NAME = re.compile(r"-([a-f0-9]{8,})\.")


def load_weights(backbone: nn.Module, card: BackboneCard, start: WeightsSource) -> WeightsReport:
    """Fill a backbone.

    Args:
        backbone: From :func:`edgefit.train.backbones.build.build_backbone`.
        card: Its card.
        start: ``imagenet``, ``none`` or a path of a ``.pth``/``.pt``/``.safetensors`` file.

    Raises:
        WeightsError: The file is missing, damaged, of another network, or cannot be downloaded.
    """
    if start.is_random:
        return WeightsReport(source=start.text)
    path = start.file or _imagenet_file(card)
    source = path.name if start.file else start.text
    return _fill(backbone, card, read_state(path), source, path)


def read_state(path: Path) -> State:
    """Read a state dict from a ``.safetensors``, ``.pth`` or ``.pt`` file, on the CPU.

    Raises:
        WeightsError: The file is missing, damaged, or not a plain dictionary of tensors.
    """
    if not path.is_file():
        raise missing_weights(path)
    state = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    for wrapper in ("state_dict", "model"):
        if isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not state or not all(isinstance(v, Tensor) for v in state.values()):
        raise WeightsError(
            "The weights file does not hold a dictionary of tensors.",
            path=path,
            remedy="save it with torch.save(network.state_dict(), path)",
        )
    return {k.removeprefix("module."): v for k, v in state.items()}


def _read_torch(path: Path) -> dict[str, Any]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise WeightsError(
            "The weights file cannot be loaded safely.",
            path=path,
            expected="a state dict saved by torch (loaded with weights_only=True)",
            found=first_line(error),
            remedy="get the file again, or save the state dict as .safetensors",
        ) from error
    return state if isinstance(state, dict) else {}


def first_line(error: BaseException) -> str:
    """First line of an error's message, at most 200 characters; its type if it has no message."""
    return next(iter(str(error).splitlines()), "")[:200] or type(error).__name__


def _read_safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise WeightsError(
            "The weights file is not valid safetensors.",
            path=path,
            found=str(error),
            remedy="get the file again",
        ) from error


def _fill(
    backbone: nn.Module, card: BackboneCard, state: State, source: str, path: Path
) -> WeightsReport:
    passed_over = (f"{card.head}.", *card.ignored_weight_prefixes)
    unused_head = [k for k in state if k.startswith(passed_over)]
    kept = {k: v for k, v in state.items() if k not in set(unused_head)}
    own = backbone.state_dict()
    # this counter only matters for batch norms without momentum; old files lack it
    missing = [k for k in own if k not in kept and not k.endswith("num_batches_tracked")]
    unexpected = [k for k in kept if k not in own]
    misfits = [
        f"{k}: file {tuple(kept[k].shape)}, network {tuple(own[k].shape)}"
        for k in own
        if k in kept and kept[k].shape != own[k].shape
    ]
    if missing or misfits:
        raise WeightsError(
            f"The weights do not fit {card.id}.",
            path=path,
            expected=f"all {len(own)} tensors of torchvision's {card.builder} without its head",
            found=f"{len(missing)} missing {missing[:3]}, {len(unexpected)} unexpected "
            f"{unexpected[:3]}, {len(misfits)} of another shape {misfits[:3]}",
            remedy="give the file of this backbone, or change model.backbone",
        )
    backbone.load_state_dict(kept, strict=False)
    return WeightsReport(
        source=source,
        sha256=sha256_of(path),
        missing=tuple(missing),
        unexpected=tuple(unexpected),
        unused_head=tuple(unused_head),
    )


def _imagenet_file(card: BackboneCard) -> Path:
    """Find torchvision's weights in torch's cache, or download them; check the hash either way."""
    weight: Any = torchvision.models.get_weight(card.weights_enum)
    name = weight.url.rsplit("/", 1)[-1]
    path: Path = Path(torch.hub.get_dir()) / "checkpoints" / name
    if not path.is_file():
        prefix = _hash_prefix(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(weight.url, str(path), prefix, progress=False)
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            raise _offline(card, weight.url, path, error) from error
        except RuntimeError as error:
            raise WeightsError(
                "The downloaded weights do not match the hash in their name.",
                path=weight.url,
                found=str(error),
                remedy="try again; if it happens again, something on the network changes the file",
            ) from error
    _check_hash(path)
    return path


def _hash_prefix(name: str) -> str | None:
    match = _HASH_IN_NAME.search(name)
    return match.group(1) if match else None


def _check_hash(path: Path) -> None:
    prefix = _hash_prefix(path.name)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if prefix and not found.startswith(prefix):
        raise WeightsError(
            "The cached weights do not match the hash in their name.",
            path=path,
            expected=f"sha256 {prefix}...",
            found=f"sha256 {found[:8]}...",
            remedy="remove the file; edgefit downloads it again",
        )


def _offline(card: BackboneCard, url: str, path: Path, error: BaseException) -> WeightsError:
    return WeightsError(
        f"The ImageNet weights of {card.id} cannot be downloaded.",
        path=url,
        found=str(error),
        remedy="one of three ways: (1) connect this machine and run again; "
        f"(2) download the address above elsewhere and put the file at {path}; "
        "(3) give a file with --weights FILE, or train from scratch with --weights none",
    )
