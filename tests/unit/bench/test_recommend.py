"""The recommendation, on invented figures."""

from __future__ import annotations

from edgefit.bench.recommend import recommend
from edgefit.records.benchmark import FailedVariant, MeasuredVariant, Recommendation
from tests.benchmark_records import failed, measured


def _of(*entries: MeasuredVariant | FailedVariant) -> Recommendation:
    return recommend(entries)


def test_clearly_fastest_wins_even_with_a_larger_file() -> None:
    found = _of(
        measured("openvino/fp32", [2.0, 2.0, 2.0], 9_000_000),
        measured("openvino/int8", [3.0, 3.0, 3.0], 2_000_000),
    )
    assert found.variant == "openvino/fp32"
    assert found.tied == ["openvino/fp32"]
    assert "1.50 times as fast as openvino/int8" in found.reason


def test_within_five_percent_the_smaller_file_wins() -> None:
    found = _of(
        measured("openvino/fp32", [2.00, 2.00, 2.00], 9_000_000),
        measured("openvino/int8", [2.08, 2.08, 2.08], 2_000_000),
    )
    assert found.variant == "openvino/int8"
    assert "the smallest file (2.0 MB)" in found.reason
    assert "openvino/fp32 (2.00 ms, 9.0 MB)" in found.reason


def test_overlapping_rounds_tie_up_to_fifteen_percent() -> None:
    fast, slow = [2.0, 2.0, 2.3], [2.2, 2.2, 2.2]
    tied = _of(
        measured("openvino/fp32", fast, 9_000_000), measured("openvino/int8", slow, 2_000_000)
    )
    assert tied.variant == "openvino/int8"
    apart = _of(
        measured("openvino/fp32", [2.0, 2.0, 2.1], 9_000_000),
        measured("openvino/int8", slow, 2_000_000),
    )
    assert apart.variant == "openvino/fp32"


def test_one_disturbed_round_does_not_tie_variants_far_apart() -> None:
    found = _of(
        measured("openvino/fp32", [2.0, 2.0, 40.0], 9_000_000),
        measured("openvino/int8", [3.0, 3.0, 3.0], 2_000_000),
    )
    assert found.variant == "openvino/fp32"


def test_equal_files_go_to_the_higher_precision() -> None:
    found = _of(
        measured("openvino/int8", [2.0], 5_000_000),
        measured("openvino/fp16", [2.02], 5_000_000),
    )
    assert found.variant == "openvino/fp16"
    assert "the highest precision at equal size" in found.reason


def test_failed_variants_are_not_recommended() -> None:
    found = _of(failed("openvino/int8"), measured("onnxruntime/fp32", [5.0]))
    assert found.variant == "onnxruntime/fp32"
    assert found.reason == "the only variant measured: 5.00 ms at batch 1"


def test_nothing_measured_is_said() -> None:
    found = _of(failed("openvino/int8"))
    assert found.variant is None
    assert found.reason == "no variant could be measured"


def test_order_of_the_variants_does_not_matter() -> None:
    entries = [
        measured("onnxruntime/fp32", [2.1], 9_000_000),
        measured("openvino/fp32", [2.0], 8_000_000),
        measured("openvino/int8", [2.09], 7_000_000),
    ]
    assert _of(*entries).variant == _of(*reversed(entries)).variant == "openvino/int8"
