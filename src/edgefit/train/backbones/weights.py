"""Pretrained weights: from torchvision, from a file, or none. Never a silent fallback.

``imagenet`` means torchvision's own weights: they are downloaded once to torch's cache and checked
against the hash in the file's name. Loading a file never executes code in it (``weights_only=True``
or safetensors). :mod:`edgefit.train.backbones.unwrap` finds the network in a checkpoint.
"""

from __future__ import annotations

import hashlib
import http.client
import pickle
import re
import shlex
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
from edgefit.train.backbones.unwrap import Place, State, chosen, places_of, prefixes_in, states_in

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
_REFUSED_CLASS = re.compile(r"(?:Unsupported global: GLOBAL|Unsupported class) ([\w.]+)")
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
    return _fill(backbone, card, _read_file(path), source, path)


def read_state(path: Path) -> State:
    """Read a state dict from a ``.safetensors``, ``.pth`` or ``.pt`` file, on the CPU.

    Raises:
        WeightsError: The file is missing, damaged, or not a plain dictionary of tensors.
    """
    state = _read_file(path)
    for wrapper in ("state_dict", "model"):
        if isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not state or not all(isinstance(v, Tensor) for v in state.values()):
        raise _without_tensors(path)
    return {k.removeprefix("module."): v for k, v in state.items()}


def _read_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise missing_weights(path)
    return _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)


def _without_tensors(path: Path) -> WeightsError:
    return WeightsError(
        "The weights file does not hold a dictionary of tensors.",
        path=path,
        remedy="save it with torch.save(network.state_dict(), path)",
    )


def _read_torch(path: Path) -> dict[str, Any]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        refused = _REFUSED_CLASS.search(str(error))
        if refused is not None:
            raise _holds_objects(path, refused.group(1)) from error
        raise WeightsError(
            "The weights file cannot be loaded safely.",
            path=path,
            expected="a state dict saved by torch (loaded with weights_only=True)",
            found=first_line(error),
            remedy="get the file again, or save the state dict as .safetensors",
        ) from error
    return state if isinstance(state, dict) else {}


def _holds_objects(path: Path, name: str) -> WeightsError:
    program = (
        'import sys, torch; c = torch.load(sys.argv[1], map_location="cpu", weights_only=False); '
        's = c.get("state_dict", c.get("model", c)) if isinstance(c, dict) else c; '
        "torch.save(s if isinstance(s, dict) else s.state_dict(), sys.argv[2])"
    )
    target = path.with_name(f"{path.stem}-weights.pth")
    command = shlex.join(["python", "-c", program, str(path), str(target)])
    return WeightsError(
        "The weights file cannot be loaded safely.",
        path=path,
        expected="a state dict saved by torch (loaded with weights_only=True)",
        found=f"an object of {name}, whose code loading would run",
        remedy="if you trust the file, save its state dict alone, where the program that wrote it "
        f"is installed, and give {target.name}: {command}",
    )


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
    backbone: nn.Module, card: BackboneCard, checkpoint: dict[str, Any], source: str, path: Path
) -> WeightsReport:
    own = backbone.state_dict()
    places = places_of(checkpoint, own)
    place = chosen(places)
    if place is None:
        raise _several(card, places, path) if places else _misfit(card, checkpoint, own, path)
    passed_over = (f"{card.head}.", *card.ignored_weight_prefixes)
    unused_head = [k for k in place.state if k.startswith(passed_over)]
    kept = {k: v for k, v in place.state.items() if k not in set(unused_head)}
    backbone.load_state_dict(kept, strict=False)
    return WeightsReport(
        source=source,
        sha256=sha256_of(path),
        unexpected=tuple(k for k in kept if k not in own),
        unused_head=tuple(unused_head),
        unwrapped=str(place) or None,
        left_aside=tuple(str(other) or "the top" for other in places if other is not place) or None,
    )


def _several(card: BackboneCard, places: list[Place], path: Path) -> WeightsError:
    return WeightsError(
        f"The weights file holds {card.id} more than once.",
        path=path,
        expected="one network, or one beside its average",
        found=", ".join(str(place) or "the top" for place in places),
        remedy="save the one that you mean alone: torch.save(network.state_dict(), path)",
    )


def _misfit(card: BackboneCard, checkpoint: dict[str, Any], own: State, path: Path) -> WeightsError:
    states = [state for _, state in states_in(checkpoint)]
    if not states:
        return _without_tensors(path)
    # The nearest of them is the one to speak of.
    ranked = [(state, prefix) for state in states for prefix in prefixes_in(state, own)[:1]]
    state, prefix = max(
        ranked or [(max(states, key=len), "")],
        key=lambda pair: sum(pair[1] + name in pair[0] for name in own),
    )
    held = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    passed_over = (f"{card.head}.", *card.ignored_weight_prefixes)
    missing = [k for k in own if k not in held and not k.endswith("num_batches_tracked")]
    unexpected = [k for k in held if k not in own and not k.startswith(passed_over)]
    misfits = [
        f"{k}: file {tuple(held[k].shape)}, network {tuple(own[k].shape)}"
        for k in own
        if k in held and held[k].shape != own[k].shape
    ]
    seen = sorted({name.split(".")[0] + "." for state in states for name in state if "." in name})
    return WeightsError(
        f"The weights do not fit {card.id}.",
        path=path,
        expected=f"all {len(own)} tensors of torchvision's {card.builder} without its head",
        found=f"{len(missing)} missing {missing[:3]}, {len(unexpected)} unexpected "
        f"{unexpected[:3]}, {len(misfits)} of another shape {misfits[:3]}; the names in the file "
        f"begin with {', '.join(seen[:8])}{', ...' if len(seen) > 8 else ''}",
        remedy="give the file of this backbone, or change model.backbone",
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
