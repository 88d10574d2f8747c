"""The weights that a training writes; each file is complete or does not exist."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from edgefit.atomic import written_whole

if TYPE_CHECKING:  # a finished training is found without torch
    from torch import Tensor, nn

BEST = "best.safetensors"
FINETUNED = "finetuned.safetensors"
PROBE = "probe.safetensors"


def save_weights(network: nn.Module, target: Path) -> None:
    """Write all tensors of a network as safetensors, atomically."""
    save_state(network.state_dict(), target)


def save_state(state: Mapping[str, Tensor], target: Path) -> None:
    """Write tensors as safetensors, atomically."""
    from safetensors.torch import save_file

    plain = {k: v.detach().cpu().contiguous() for k, v in state.items()}
    with written_whole(target) as part:
        save_file(plain, part)
