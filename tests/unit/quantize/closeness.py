"""How near a quantized file answers to the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgefit.runtime.engines import open_session
from edgefit.spec import VariantKey
from tests.tiny_network import colour_frames
from tests.unit.conftest import Exported

CALIBRATION_NHWC = colour_frames(20, seed=4)[0]


def assert_close(exported: Exported, path: Path, name: str) -> None:
    for batch in (1, 3):
        session = open_session(path, VariantKey.parse(name))
        found = np.concatenate(
            [
                session.infer(exported.frames_NHWC[i : i + batch])["probabilities"]
                for i in range(0, len(exported.frames_NHWC), batch)
            ]
        )
        assert np.abs(found - exported.reference_NC).max() < 0.15
        decided = np.sort(exported.reference_NC, axis=1)[:, -2] < 0.3
        same = found.argmax(axis=1) == exported.reference_NC.argmax(axis=1)
        assert same[decided].all()
