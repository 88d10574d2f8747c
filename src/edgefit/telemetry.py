"""Stops edgefit's dependencies from sending usage data.

NNCF and OpenVINO's converter send usage data through the package ``openvino_telemetry`` unless a
consent file in the user's home directory forbids it. Both fall back to a stub if that package
cannot be imported, so this module blocks its import in this process. It writes nothing to the home
directory.
"""

from __future__ import annotations

import sys


def block_telemetry() -> None:
    """Make ``import openvino_telemetry`` fail from now on; call before nncf or openvino."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    sys.modules["openvino_telemetry.backend"] = None  # type: ignore[assignment]
