"""The words of the field as types. Standard library and numpy only; everything imports this."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import InputError

Frame = NDArray[np.uint8]
"""One picture: ``uint8`` (H, W, 3), RGB."""

UNSURE: Final = "unsure"
"""What stands for a decision where the reject option leaves it to a person."""


class Task(StrEnum):
    """What a model answers."""

    CLASSIFICATION = "classification"


class Engine(StrEnum):
    """What executes a graph on the device."""

    ONNXRUNTIME = "onnxruntime"
    OPENVINO = "openvino"


class Precision(StrEnum):
    """Number format of a variant; ``fp16`` means weights stored in half precision."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"


class Aspect(StrEnum):
    """How a picture of another shape is brought to the input's shape."""

    STRETCH = "stretch"
    LETTERBOX = "letterbox"
    CROP = "crop"


class Enlarge(StrEnum):
    """How pixels are interpolated where a picture is smaller than the input.

    ``bilinear`` looks at two by two pixels, ``lanczos`` at eight by eight: sharper edges, and more
    time. OpenCV's cubic is left out: it gives other pixels with Intel's IPP than without.
    """

    BILINEAR = "bilinear"
    LANCZOS = "lanczos"


class JpegDecode(StrEnum):
    """``exact``: every pixel is decoded. ``scaled``: large JPEG files are shrunk while decoding."""

    EXACT = "exact"
    SCALED = "scaled"


@dataclass(frozen=True)
class InputSpec:
    """How a frame becomes the network's input. The same object in training and on the device; only
    training pictures may be enlarged otherwise (``train.enlarge``).

    Attributes:
        width: Input width in pixels.
        height: Input height in pixels.
        aspect: Policy for frames of another aspect ratio.
        pad_value: Grey level (0-255) of letterbox borders.
        jpeg_decode: Whether large JPEG files may be shrunk while decoding.
        mean: Per-channel RGB mean that the graph subtracts, on the [0, 1] scale.
        std: Per-channel RGB standard deviation that the graph divides by, on the [0, 1] scale.
        enlarge: Interpolation where a picture is smaller than the input.
    """

    width: int
    height: int
    aspect: Aspect = Aspect.STRETCH
    pad_value: int = 114
    jpeg_decode: JpegDecode = JpegDecode.EXACT
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    enlarge: Enlarge = Enlarge.BILINEAR

    def __post_init__(self) -> None:
        if not (8 <= self.width <= 4096 and 8 <= self.height <= 4096):
            raise InputError(
                "The input size is out of range.",
                key="input",
                expected="8 to 4096 pixels a side",
                found=f"{self.width}x{self.height}",
            )
        if not 0 <= self.pad_value <= 255:
            raise InputError(
                "pad_value is not a grey level.",
                key="input.pad_value",
                expected="0 to 255",
                found=self.pad_value,
            )

    @property
    def shape_HWC(self) -> tuple[int, int, int]:
        """Shape of one preprocessed frame."""
        return (self.height, self.width, 3)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; :meth:`from_dict` reads it back."""
        facts = asdict(self)
        facts["aspect"] = str(self.aspect)
        facts["enlarge"] = str(self.enlarge)
        facts["jpeg_decode"] = str(self.jpeg_decode)
        facts["mean"], facts["std"] = list(self.mean), list(self.std)
        return facts | {"colour_order": "RGB", "layout": "NHWC", "dtype": "uint8"}

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Self:
        """Read :meth:`to_dict`'s form.

        Raises:
            InputError: A key is missing or the contract is one this version cannot fulfil.
        """
        fixed = {"colour_order": "RGB", "layout": "NHWC", "dtype": "uint8"}
        unknown = sorted(set(facts) - set(fixed) - {field.name for field in fields(cls)})
        if unknown:
            raise InputError(
                "The input contract is not one this version fulfils.",
                key=f"input.{unknown[0]}",
                expected="nothing that this version does not know",
                found=facts[unknown[0]],
                remedy="install the edgefit release that wrote it",
            )
        for key, value in fixed.items():
            if facts.get(key, value) != value:
                raise InputError(
                    "The input contract is not one this version fulfils.",
                    key=f"input.{key}",
                    expected=value,
                    found=facts[key],
                )
        try:
            return cls(
                width=int(facts["width"]),
                height=int(facts["height"]),
                aspect=Aspect(facts["aspect"]),
                pad_value=int(facts["pad_value"]),
                jpeg_decode=JpegDecode(facts["jpeg_decode"]),
                mean=_triple(facts["mean"]),
                std=_triple(facts["std"]),
                enlarge=Enlarge(facts.get("enlarge", Enlarge.BILINEAR)),  # not in bundles of 0.1
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                "The input contract cannot be read.", key="input", found=repr(error)
            ) from error


def _triple(values: Iterable[float]) -> tuple[float, float, float]:
    red, green, blue = (float(v) for v in values)
    return (red, green, blue)


@dataclass(frozen=True)
class LabelMap:
    """Class names in the order of the network's outputs. Frozen at the start of a run."""

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            twice = sorted({n for n in self.names if self.names.count(n) > 1})
            raise InputError("Class names repeat.", key="labels", found=twice)

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Position of a class.

        Raises:
            InputError: No class has this name.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise InputError(
                "The label is not in the class list.", expected=list(self.names), found=name
            ) from None

    @property
    def sha256(self) -> str:
        """Hash over the ordered names; two models with the same hash answer alike."""
        return hashlib.sha256("\n".join(self.names).encode()).hexdigest()


@dataclass(frozen=True)
class DefectThreshold:
    """Two-class quality control: a part is called a defect from this probability on.

    Attributes:
        good: Class of good parts.
        defect: The other class.
        value: Smallest probability of ``defect`` at which a part is called one, 0 to 1.
    """

    good: str
    defect: str
    value: float


@dataclass(frozen=True)
class ConformalRule:
    """Split-conformal prediction: the answer is ``unsure`` unless just one class is likely enough.

    Attributes:
        coverage: Share of pictures whose true class is meant to be in the prediction set.
        quantile: A class is in the set where 1 minus its probability is at most this.
    """

    coverage: float
    quantile: float


@dataclass(frozen=True)
class NoveltyRule:
    """A picture whose novelty score is above ``threshold`` is unlike all training pictures.

    Attributes:
        threshold: Largest score that counts as known.
        prototypes: Path, inside the bundle, of the class means ``float32`` (C, F), as ``.npy``.
    """

    threshold: float
    prototypes: str


@dataclass(frozen=True)
class OperatingPoint:
    """From a network's answer to a decision. What is None is not used; all None is arg-max."""

    threshold: DefectThreshold | None = None
    conformal: ConformalRule | None = None
    novelty: NoveltyRule | None = None

    @property
    def decides(self) -> bool:
        """Whether a decision may differ from the most probable class."""
        return self.threshold is not None or self.conformal is not None

    def check(self, labels: LabelMap) -> None:
        """Check the rules against the classes.

        Raises:
            InputError: A class, or a number, that cannot be.
        """
        shares = {}
        if self.threshold is not None:
            shares["threshold.value"] = self.threshold.value
            pair = [self.threshold.good, self.threshold.defect]
            if sorted(pair) != sorted(labels.names):
                raise InputError(
                    "The threshold is not one between the two classes.",
                    key="operating.threshold",
                    expected=list(labels.names),
                    found=pair,
                )
        if self.conformal is not None:
            shares["conformal.coverage"] = self.conformal.coverage
            shares["conformal.quantile"] = self.conformal.quantile
        for name, value in shares.items():
            if not 0 <= value <= 1:
                raise InputError(
                    "The operating point is out of range.",
                    key=f"operating.{name}",
                    expected="0 to 1",
                    found=value,
                )


@dataclass(frozen=True)
class Prediction:
    """What the network says of one frame.

    Attributes:
        label: Name of the most probable class.
        index: Its position in the label map.
        confidence: Its probability, 0 to 1.
        probabilities: ``float32`` (C,), all classes in label-map order.
        decision: What the operating point makes of it: a class, or ``unsure``. With a threshold
            it may differ from ``label``; without an operating point it is ``label``.
        novelty: How unlike the training pictures the frame is, 0 to 2; None where the bundle does
            not score it.
        is_novel: Whether ``novelty`` is beyond what counts as known; None as above.
    """

    label: str
    index: int
    confidence: float
    probabilities: NDArray[np.float32] = field(repr=False)
    decision: str = ""
    novelty: float | None = None
    is_novel: bool | None = None

    def __post_init__(self) -> None:
        if not self.decision:
            object.__setattr__(self, "decision", self.label)

    @property
    def unsure(self) -> bool:
        """Whether the reject option leaves the decision to a person."""
        return self.decision == UNSURE

    @classmethod
    def from_probabilities(cls, probabilities_C: NDArray[np.float32], labels: LabelMap) -> Self:
        """Decode one row of the network's output, ``float32`` (C,), by arg-max."""
        best = int(np.argmax(probabilities_C))
        return cls(labels.names[best], best, float(probabilities_C[best]), probabilities_C)

    def top(self, k: int, labels: LabelMap) -> list[tuple[str, float]]:
        """The ``k`` most probable classes with their probabilities, best first."""
        order = np.argsort(-self.probabilities, kind="stable")[:k]
        return [(labels.names[i], float(self.probabilities[i])) for i in order]


@dataclass(frozen=True, order=True)
class VariantKey:
    """One engine at one precision, written ``engine/precision``."""

    engine: Engine
    precision: Precision

    def __str__(self) -> str:
        return f"{self.engine}/{self.precision}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``engine/precision``.

        Raises:
            InputError: The text names no such variant.
        """
        engine, _, precision = text.partition("/")
        try:
            return cls(Engine(engine), Precision(precision))
        except ValueError:
            raise InputError("No such variant.", expected=all_variant_names(), found=text) from None


def all_variant_names() -> Sequence[str]:
    """Every ``engine/precision`` that exists."""
    return [f"{e}/{p}" for e in Engine for p in Precision]
