"""Where predictions go: JSONL or CSV, to files or standard output. One record per frame, in order.

A sink hands each record to the operating system whole and at once, so a killed run leaves only
whole records, and the next run continues behind them. A new sink is one file in this folder.
"""

from edgefit.runtime.sinks.answered import Answered, answered_in
from edgefit.runtime.sinks.csv import CsvSink
from edgefit.runtime.sinks.jsonl import JsonlSink
from edgefit.runtime.sinks.rotation import Rotation, parse_rotation
from edgefit.runtime.sinks.sink import STDOUT, Sink, TextSink
from edgefit.runtime.sinks.target import require_safe_target

__all__ = [
    "STDOUT",
    "Answered",
    "CsvSink",
    "JsonlSink",
    "Rotation",
    "Sink",
    "TextSink",
    "answered_in",
    "parse_rotation",
    "require_safe_target",
]
