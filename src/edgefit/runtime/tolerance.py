"""How far an answer may differ from the answer of the same file at verification. One table.

The golden self-test compares a variant with its own earlier answers from another machine. The
numbers are differences of probabilities, so they have no unit and are between 0 and 1.
"""

from __future__ import annotations

from edgefit.spec import Engine, Precision, VariantKey

SELF_TEST_TOLERANCE: dict[tuple[Precision, Engine], float] = {
    # float32 sums in another order (other vector width, other thread count) differ in the last
    # digits; after a network of 50 layers, a probability differs by 1e-6 to 1e-4. 1e-3 is above
    # that, and far below the effect of a wrong colour order or resize (1e-2 and more).
    (Precision.FP32, Engine.ONNXRUNTIME): 1e-3,
    (Precision.FP32, Engine.OPENVINO): 1e-3,
    # Weights stored as fp16 are widened to float32 before use, on every CPU alike.
    (Precision.FP16, Engine.ONNXRUNTIME): 1e-3,
    (Precision.FP16, Engine.OPENVINO): 1e-3,
    # Integer kernels round at each layer, and CPUs without VNNI or dot-product instructions may
    # saturate or use float kernels for some layers, so values move by whole steps of 1/127 of a
    # layer's range. The class must stay the same, see `may_flip`.
    (Precision.INT8, Engine.ONNXRUNTIME): 0.1,
    (Precision.INT8, Engine.OPENVINO): 0.1,
}


def self_test_tolerance(key: VariantKey) -> float:
    """Largest allowed difference of any probability of any golden frame."""
    return SELF_TEST_TOLERANCE[key.precision, key.engine]


def may_flip(margin: float, key: VariantKey) -> bool:
    """Whether the class may change where its expected lead over the second class is ``margin``."""
    return margin < self_test_tolerance(key)
