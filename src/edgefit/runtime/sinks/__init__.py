"""Where predictions go: JSONL or CSV, to a file or standard output. One record a frame, in order.

Each record is handed to the operating system whole and at once, so a run that is killed leaves
whole records only. A new sink is one file in this folder.
"""

from edgefit.runtime.sinks.csv import CsvSink
from edgefit.runtime.sinks.jsonl import JsonlSink
from edgefit.runtime.sinks.sink import STDOUT, Sink, TextSink

__all__ = ["STDOUT", "CsvSink", "JsonlSink", "Sink", "TextSink"]
