"""Where a frame is placed in the network's input, in whole pixels, with exact integer rounding."""

from __future__ import annotations

from dataclasses import dataclass

from edgefit.spec import Aspect, InputSpec


@dataclass(frozen=True)
class Placement:
    """A part of the frame, and the part of the input that it fills.

    Attributes:
        source: x, y, width, height in the frame's pixels.
        target: x, y, width, height in the input's pixels.
    """

    source: tuple[int, int, int, int]
    target: tuple[int, int, int, int]


def place(width: int, height: int, spec: InputSpec) -> Placement:
    """Place a frame of ``width`` x ``height`` pixels according to ``spec.aspect``.

    ``stretch`` fills the input with the whole frame. ``letterbox`` keeps the proportions: the side
    with the larger ratio fills the input, the other side is rounded half up to at least one pixel.
    When the border is odd, the right or lower border is one pixel wider. ``crop`` takes the largest
    centred part with the input's proportions, rounded half up to at least one pixel. When the cut
    is odd, the right or lower side loses one pixel more.
    """
    whole_frame = (0, 0, width, height)
    whole_input = (0, 0, spec.width, spec.height)
    if spec.aspect == Aspect.STRETCH:
        return Placement(whole_frame, whole_input)
    if spec.aspect == Aspect.LETTERBOX:
        return Placement(whole_frame, _largest_inside(spec.width, spec.height, width, height))
    return Placement(_largest_inside(width, height, spec.width, spec.height), whole_input)


def shrink_ratio(width: int, height: int, spec: InputSpec) -> float:
    """By which factor a frame is larger than the input, along the side of the smaller factor."""
    placement = place(width, height, spec)
    _, _, source_width, source_height = placement.source
    _, _, target_width, target_height = placement.target
    return min(source_width / target_width, source_height / target_height)


def _largest_inside(width: int, height: int, wide: int, high: int) -> tuple[int, int, int, int]:
    """The largest centred box of proportions wide:high inside width x height."""
    if width * high >= height * wide:
        box_width, box_height = _round_half_up(height * wide, high), height
    else:
        box_width, box_height = width, _round_half_up(width * high, wide)
    box_width, box_height = min(box_width, width), min(box_height, height)
    return ((width - box_width) // 2, (height - box_height) // 2, box_width, box_height)


def _round_half_up(numerator: int, denominator: int) -> int:
    return max(1, (2 * numerator + denominator) // (2 * denominator))
