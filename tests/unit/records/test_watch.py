from __future__ import annotations

import json
import os

from edgefit.records.passed_over import PassedOverFiles
from edgefit.records.watch import WatchSummary


def test_a_summary_is_json_whatever_the_names() -> None:
    raw = os.fsdecode(b"\xfc.t\xfc")
    summary = WatchSummary(
        **{"answered": 1, "failed": 2, "lines": 5, "frames": 3, "left": None},
        passed_over=(PassedOverFiles(reason="hidden", suffix=".t", files=1, example=raw),),
        **{"stopped_by": None, "inbox": raw, "done": "d", "failed_folder": "f"},
        **{"results": "r", "bundle": "0", "variant": "onnxruntime/fp32"},
    )
    facts = json.loads(json.dumps(summary.to_json(), allow_nan=False))
    assert facts["inbox"] == "\\xfc.t\\xfc"
    assert facts["passed_over"][0]["example"] == "\\xfc.t\\xfc"
    assert (facts["answered"], facts["failed"], facts["left"]) == (1, 2, None)
