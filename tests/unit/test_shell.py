"""Commands as text: what a shell reads back is what was meant."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from edgefit.shell import shell_line


def test_plain_words_stay_as_they_are() -> None:
    assert shell_line("edgefit", "predict", Path("runs/a"), "IMAGE_OR_FOLDER_OR_VIDEO") == (
        "edgefit predict runs/a IMAGE_OR_FOLDER_OR_VIDEO"
    )


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    "name",
    [
        *("my bundle", "it's", 'a "b"', "$HOME", "a`b`", "a;b&c|d", "*", "[x]", "~", "", "#a"),
        *("línea ünïcode", "a\nb", "tab\tq'uote", "\x1b[31m7", "back\\slash\x01", "傷", "a\x0b1"),
        os.fsdecode(b"latin-\xe9 x"),
        os.fsdecode(b"\xff\xfe7"),
    ],
)
def test_a_shell_reads_back_the_path_that_was_meant(name: str) -> None:
    path = Path("/tmp", name)
    line = shell_line("printf", "%s", path)
    assert line.isprintable()
    result = subprocess.run(
        ["bash", "-c", line], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}
    )
    assert result.stdout == os.fsencode(path)


def test_a_path_that_begins_with_a_dash_is_not_an_option() -> None:
    assert shell_line("edgefit", "train", Path("--json"), "--quiet") == (
        "edgefit train ./--json --quiet"
    )
