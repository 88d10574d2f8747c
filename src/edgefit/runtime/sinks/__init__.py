"""Where predictions go: JSONL or CSV, to a file or standard output. One record per frame, in order.

A sink hands each record to the operating system whole and at once, so a killed run leaves only
whole records. A new sink is one file in this folder.
"""

from edgefit.runtime.sinks.csv import CsvSink
from edgefit.runtime.sinks.jsonl import JsonlSink
from edgefit.runtime.sinks.sink import STDOUT, Sink, TextSink

__all__ = ["STDOUT", "CsvSink", "JsonlSink", "Sink", "TextSink"]
