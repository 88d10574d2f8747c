"""The device's self-test: it runs golden frames through each variant and compares the answers.

It shows, without torch and without labels, that the decoder, the preprocessing and the engine of
the device give the same results as on the machine that verified the bundle.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgefit.bundle import Bundle
from edgefit.errors import BundleError
from edgefit.records.selftest import Flip, NotInstalled, Replayed, SelfTestResult
from edgefit.runtime.engines import INSTALL_COMMANDS, engine_is_installed, open_session
from edgefit.runtime.golden import (
    GOLDEN_FILE,
    GOLDEN_FOLDER,
    Golden,
    golden_frames,
    golden_of,
    outputs_of,
)
from edgefit.runtime.images.preprocess import preprocess
from edgefit.runtime.tasks import TASKS
from edgefit.spec import Outputs, VariantKey


def self_test(
    bundle: Bundle,
    *,
    variants: Sequence[VariantKey] | None = None,
    threads: int | None = None,
) -> SelfTestResult:
    """Replay the golden frames and compare the answers with those expected.

    Args:
        bundle: The bundle.
        variants: Variants to test; all by default. The test fails where the engine of a variant
            named here is not installed.
        threads: Threads for one inference; None leaves the number to the engine.

    Raises:
        BundleError: There are no golden frames, there is no such variant, or a graph cannot be
            opened.
    """
    keys = [bundle.variant(key).key for key in variants or []]
    golden = golden_of(bundle)
    images_NHWC = np.stack([preprocess(f, bundle.input) for f in golden_frames(bundle, golden)])
    results = {
        str(key): _test_variant(bundle, key, golden, images_NHWC, threads)
        for key in keys or [v.key for v in bundle.manifest.variants]
    }
    status = [result.status for result in results.values()]
    required_missing = bool(variants) and "not installed" in status
    passed = "passed" in status and "failed" not in status and not required_missing
    return SelfTestResult(passed=passed, frames=len(images_NHWC), variants=results)


def _test_variant(
    bundle: Bundle,
    key: VariantKey,
    golden: Golden,
    images_NHWC: NDArray[np.uint8],
    threads: int | None,
) -> Replayed | NotInstalled:
    expected = _expected(bundle, key, golden)
    if not engine_is_installed(key.engine):
        return NotInstalled(remedy=INSTALL_COMMANDS[key.engine])
    session = open_session(bundle.model_path(key), key, threads=threads, batch=1)
    answers = [session.infer(image[None], list(expected)) for image in images_NHWC]
    found = {name: np.concatenate([answer[name] for answer in answers]) for name in expected}
    if _shapes(found) != _shapes(expected):
        raise _unusable(bundle, f"{_shapes(found)} answers", str(_shapes(expected)))
    compared = TASKS[bundle.manifest.task].compare(expected, found, bundle.labels, key)
    difference = compared.max_abs_difference
    return Replayed(
        status="passed" if compared.passed else "failed",
        max_abs_difference=difference if np.isfinite(difference) else None,
        tolerance=compared.tolerance,
        flips=[
            Flip(
                frame=golden.frames[change.row].name,
                expected=change.expected,
                found=change.found,
                margin=change.margin,
                allowed=change.allowed,
            )
            for change in compared.changes
        ],
        session=session.describe(),
    )


def _expected(bundle: Bundle, key: VariantKey, golden: Golden) -> Outputs:
    """The answers that the bundle holds for a variant, one per golden frame."""
    names, count = outputs_of(bundle), len(golden.frames)
    answers = golden.answers(key)
    if answers is None or set(answers) != set(names):
        found = "none" if answers is None else ", ".join(answers)
        raise _unusable(bundle, f"answers of {key}: {', '.join(names)}", found)
    if any(len(values) != count for values in answers.values()):
        raise _unusable(bundle, f"{count} answers of {key}", str(_shapes(answers)))
    return answers


def _shapes(outputs: Outputs) -> dict[str, tuple[int, ...]]:
    return {name: values.shape for name, values in outputs.items()}


def _unusable(bundle: Bundle, expected: str, found: str) -> BundleError:
    return BundleError(
        "The golden answers do not fit the bundle.",
        path=bundle.root / GOLDEN_FOLDER / GOLDEN_FILE,
        expected=expected,
        found=found,
        remedy="build the bundle again",
    )
