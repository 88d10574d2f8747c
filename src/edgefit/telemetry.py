"""No usage data leaves the machine: what edgefit depends on is stopped from sending any.

NNCF and OpenVINO's converter send usage data through the package ``openvino_telemetry`` unless a
consent file in the user's home says no. Both fall back to a stub when that package cannot be
imported, so its import is blocked in this process. Nothing is written to the home.
"""

from __future__ import annotations

import sys


def block_telemetry() -> None:
    """Make ``import openvino_telemetry`` fail from now on; call before nncf or openvino."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    sys.modules["openvino_telemetry.backend"] = None  # type: ignore[assignment]
