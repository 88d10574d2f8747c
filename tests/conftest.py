"""What all tests share: the real data sets where they are, and quiet, offline libraries."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Before torch is imported: on a busy machine its threads wait for each other for minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real images and weights; skips where this machine has none."""
    folder = Path(os.environ.get("EDGEFIT_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(
            f"no shared data at {folder}; set EDGEFIT_SHARED to the folder that holds data/"
        )
    return folder.resolve()
