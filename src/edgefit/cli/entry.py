"""The program's door: it says in one message why the program itself cannot start.

A half-copied installation or a broken library fails while the verbs are imported, before the
program can report anything.
"""

from __future__ import annotations

import os
import sys

from edgefit.errors import UNEXPECTED


def main() -> None:
    """Run the program and exit; exit with 70 if it cannot be imported."""
    try:
        from edgefit.cli.main import main as run
    except Exception as error:
        if "--debug" in sys.argv or os.environ.get("EDGEFIT_DEBUG"):
            raise
        sys.stderr.write(
            "error: edgefit cannot start: its installation or a library that it needs is damaged.\n"
            f"  found: {type(error).__name__}: {error}\n"
            "  what to do: install edgefit again into a new environment; --debug shows more\n"
        )
        sys.exit(UNEXPECTED)
    run()
