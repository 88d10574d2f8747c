"""A backbone's card: what edgefit must know about a network before it builds it.

Cards are data (``models/backbones/ID/card.yaml``), so that adding a network needs no code and
reading about it no Python. Their figures are measured: ``tests/unit/train/test_cards.py`` builds
each network and compares.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edgefit.errors import InputError
from edgefit.recipe import Recipe
from edgefit.resources import resource
from edgefit.spec import InputSpec

Triple = tuple[float, float, float]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Licence(_Section):
    """The terms of use of the network.

    Attributes:
        code: SPDX identifier of the network's source code.
        weights: Terms of the official weights, in words.
        source_url: Where the official weights come from.
        note: What a user must clarify before use.
    """

    code: str
    weights: str
    source_url: str
    note: str


class Quantization(_Section):
    """How well the network tolerates 8-bit arithmetic.

    Attributes:
        friendliness: ``good``: plain post-training quantization is expected to hold; ``fair``:
            per-channel scales are needed; ``poor``: expect a drop, and measure it.
        note: The reason, with published figures where there are any.
    """

    friendliness: Literal["good", "fair", "poor"]
    note: str


class Tap(_Section):
    """A place inside the network where feature maps (N, ``channels``, h, w) can be taken.

    Attributes:
        module: Dotted name of the submodule that returns them.
        stride: Pixels of the input that one step of the map covers, to the nearest power of two.
        channels: Number of channels of the maps.
    """

    module: str
    stride: Literal[2, 4, 8, 16, 32]
    channels: Annotated[int, Field(gt=0)]


class BackboneCard(_Section):
    """One backbone of the catalogue.

    Attributes:
        id: Name of the card's folder, and of the backbone in a recipe.
        title: The network's name as people write it.
        builder: Name of the function in ``torchvision.models``.
        builder_args: What it needs besides ``weights=None``.
        weights_enum: The official weights, as ``Enum.MEMBER`` of ``torchvision.models``.
        head: Dotted name of the submodule to replace, so that the network returns features
            ``float32`` (N, ``feature_dim``).
        pool: Whether the head did the global average pooling too; its replacement is then
            ``AdaptiveAvgPool2d(1)``, otherwise ``Identity``.
        feature_dim: Number of features.
        ignored_weight_prefixes: Keys of the official weights that are never used, besides the head.
        input_size: Height and width in pixels that the official weights were trained for.
        min_input_size: Smallest sensible height and width in pixels: the network runs, and its
            total stride fits inside the image.
        mean: RGB mean that the official weights expect to be subtracted, on the [0, 1] scale.
        std: RGB standard deviation to divide by, on the [0, 1] scale.
        parameters: Count of trainable numbers without the head.
        macs: Multiply-accumulates of all convolutions and dense layers without the head, for one
            image of ``input_size``.
        stages: From input to output, groups of dotted module names that together hold every
            parameter once. The modules of a group are frozen together and share a learning rate.
        taps: From input to output, where a task can take feature maps instead of the pooled vector.
        licence: Terms of code and weights.
        quantization: How well it tolerates 8-bit arithmetic.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    title: str
    builder: str
    builder_args: dict[str, bool | int | float | str]
    weights_enum: Annotated[str, Field(pattern=r"^\w+\.\w+$")]
    head: str
    pool: bool
    feature_dim: Annotated[int, Field(gt=0)]
    ignored_weight_prefixes: tuple[str, ...]
    input_size: Annotated[int, Field(gt=0)]
    min_input_size: Annotated[int, Field(gt=0)]
    mean: Triple
    std: Triple
    parameters: Annotated[int, Field(gt=0)]
    macs: Annotated[int, Field(gt=0)]
    stages: Annotated[list[list[str]], Field(min_length=4, max_length=8)]
    taps: Annotated[tuple[Tap, ...], Field(min_length=3)]
    licence: Licence
    quantization: Quantization

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if self.min_input_size > self.input_size:
            raise ValueError("min_input_size is larger than input_size")
        if min(self.std) <= 0:
            raise ValueError("std must be above 0")
        names = [name for stage in self.stages for name in stage]
        if len(set(names)) != len(names) or not all(self.stages):
            raise ValueError("stages repeat a module or hold an empty stage")
        strides = [tap.stride for tap in self.taps]
        if strides != sorted(set(strides)):
            raise ValueError("the strides of taps do not rise")
        return self

    def stage_of(self, parameter: str) -> int:
        """Index of the stage that holds a parameter, 0 being nearest to the input.

        Args:
            parameter: Dotted name as ``named_parameters`` of the network without its head gives it.

        Raises:
            InputError: No stage, or more than one, claims the parameter.
        """
        claims = [
            index
            for index, stage in enumerate(self.stages)
            for module in stage
            # Compare whole components: `layers.1` must not claim `layers.10.weight`.
            if parameter == module or parameter.startswith(f"{module}.")
        ]
        if len(claims) != 1:
            raise InputError(
                f"The stages of the backbone card {self.id!r} do not place a parameter once.",
                key="stages",
                expected="exactly one stage",
                found=f"{parameter} in {len(claims)}",
            )
        return claims[0]


def list_cards() -> list[str]:
    """Ids of all backbones of the catalogue, sorted."""
    return sorted(path.parent.name for path in resource("models", "backbones").glob("*/card.yaml"))


def load_card(id: str) -> BackboneCard:
    """Read the card of one backbone.

    Args:
        id: One of :func:`list_cards`; a similar name is suggested, never used.

    Raises:
        InputError: There is no such backbone, or its card is not valid.
    """
    ids = list_cards()
    if id not in ids:
        close = difflib.get_close_matches(id, ids, n=3)
        raise InputError(
            "There is no backbone of this name.",
            key="model.backbone",
            expected=", ".join(ids),
            found=id,
            remedy=f"did you mean {' or '.join(close)}?" if close else "choose one of the names",
        )
    return _read_card(resource("models", "backbones", id, "card.yaml"))


def input_spec(recipe: Recipe, card: BackboneCard | None = None) -> InputSpec:
    """The input contract of a recipe: its sizes and its backbone's normalisation."""
    card = card or load_card(recipe.model.backbone)
    return recipe.input.to_spec(card.mean, card.std)


def _read_card(path: Path) -> BackboneCard:
    try:
        card = BackboneCard.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise InputError(
            "The backbone card is not valid.", path=path, found=str(error).strip()
        ) from error
    if card.id != path.parent.name:
        raise InputError(
            "The id of the backbone card differs from its folder's name.",
            path=path,
            key="id",
            expected=path.parent.name,
            found=card.id,
        )
    return card
