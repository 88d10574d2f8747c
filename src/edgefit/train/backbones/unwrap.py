"""The network's tensors in a checkpoint: under a key, under a prefix, or both.

Training libraries save more than a network. Lightning, timm and torchvision's references put the
tensors under a key (``state_dict``, ``model``, ``state_dict_ema``), and a module around the network
puts its name before each of theirs (``model.`` in Lightning, ``module.`` in DDP, ``_orig_mod.`` in
torch.compile). Nothing is guessed: a place counts only if it holds every tensor of the network in
its shape.

A checkpoint with weights and their average holds two such places. edgefit takes the plain weights,
as it always has, and says that the average is there. timm's loader takes the average, but an
average over a short training is still close to the random start, and a file does not say how long
it was. Lightning's own averaging callback needs no rule: its ``state_dict`` is the average.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

State = dict[str, Tensor]
Keys = tuple[str, ...]
_AVERAGED = re.compile(r"(^|[._])(ema|averag\w*|avg|swa|teacher|momentum|shadow|target)([._]|$)")
_DEEPEST = 3
_COUNTER = "num_batches_tracked"
"""It only matters for batch norms without momentum, and old files lack it."""


@dataclass(frozen=True)
class Place:
    """Where a checkpoint holds the tensors of the network.

    Attributes:
        keys: Keys from the top of the checkpoint to the tensors.
        prefix: What stands before each name.
        state: All tensors there; those of the network without the prefix.
    """

    keys: Keys
    prefix: str
    state: State

    def __str__(self) -> str:
        named = [".".join(self.keys)] if self.keys else []
        return " with ".join([*named, *([f"the prefix {self.prefix}"] if self.prefix else [])])

    @property
    def is_averaged(self) -> bool:
        """Whether its names say that it holds an average of weights."""
        return any(_AVERAGED.search(name) for name in (*self.keys, self.prefix))


def states_in(checkpoint: object, keys: Keys = ()) -> Iterator[tuple[Keys, State]]:
    """Every dictionary of tensors in a checkpoint, with the keys that lead to it, outermost first.

    The state of an optimizer is left out.
    """
    if not isinstance(checkpoint, Mapping) or len(keys) > _DEEPEST:
        return
    tensors = {k: v for k, v in checkpoint.items() if isinstance(v, Tensor) and isinstance(k, str)}
    if tensors:
        yield keys, tensors
    for key, value in checkpoint.items():
        if isinstance(key, str) and not key.startswith("optim"):
            yield from states_in(value, (*keys, key))


def places_of(checkpoint: object, network: State) -> list[Place]:
    """Where a checkpoint holds every tensor of a network in its shape."""
    return [
        Place(keys, prefix, _without(state, prefix))
        for keys, state in states_in(checkpoint)
        for prefix in prefixes_in(state, network)
        if _fits(state, prefix, network)
    ]


def chosen(places: list[Place]) -> Place | None:
    """The place to load: the only one, or the only one that is no average.

    Among several, tensors without a prefix come first, then those at the top of the checkpoint,
    under ``state_dict`` or under ``model``. None where that leaves several, or where there is none.
    """
    plain = [place for place in places if not place.is_averaged] or places
    bare = [place for place in plain if not place.prefix] or plain
    for first in (None, (), ("state_dict",), ("model",)):
        kept = [place for place in bare if first is None or place.keys[:1] == first]
        if len(kept) == 1:
            return kept[0]
    return None


def prefixes_in(state: State, network: State) -> list[str]:
    """What stands before the name of a tensor of the network, most frequent first."""
    counts = Counter(
        name[:start] for name in state for start in _starts(name) if name[start:] in network
    )
    return sorted(counts, key=lambda prefix: (-counts[prefix], prefix))


def _starts(name: str) -> Iterator[int]:
    """Where the parts of a dotted name begin."""
    yield 0
    yield from (place + 1 for place, letter in enumerate(name) if letter == ".")


def _fits(state: State, prefix: str, network: State) -> bool:
    return all(
        prefix + name in state and state[prefix + name].shape == tensor.shape
        for name, tensor in network.items()
        if not name.endswith(_COUNTER)
    )


def _without(state: State, prefix: str) -> State:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items()}
