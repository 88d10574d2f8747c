"""Features on disk, under hashes of what they were computed from.

::

    FOLDER/
      NETWORK/             hash of the backbone's tensors, the normalisation and the input size
        choice.json        which engine computes here, if it was measured
        VIEW/              hash of the augmentation, the view's number and the seed
          HASH.npz         digests uint8 (N, 32) of the frames, features float32 (N, F)

No file changes in place: rows are added as further files, each complete or not written at all. The
files are plain arrays (no pickle) with checksums, so that a damaged one is noticed. It is removed
and its rows are computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgefit.atomic import written_whole
from edgefit.progress import QUIET, Reporter
from edgefit.records.train import EngineComparison

DIGEST_BYTES = 32
_CHOICE = "choice.json"
_ENGINES = ("torch", "openvino")
_DAMAGE = (zipfile.BadZipFile, ValueError, KeyError, EOFError, OSError)

Rows = Mapping[bytes, NDArray[np.float32]]
"""Feature row ``float32`` (F,) by the digest of its frame."""


class FeatureCache:
    """Feature rows in a folder, by content.

    Args:
        folder: Where they are; created by the first write.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def rows(self, network: str, view: str, reporter: Reporter = QUIET) -> Rows:
        """All rows of a view of a network; damaged files are reported and removed."""
        found: dict[bytes, NDArray[np.float32]] = {}
        for file in sorted((self.folder / network / view).glob("*.npz")):
            try:
                digests, features_NF = _read(file)
            except _DAMAGE as error:
                reporter.warn(
                    f"{file} is damaged ({type(error).__name__}); its features are computed again"
                )
                with contextlib.suppress(OSError):
                    file.unlink()
                continue
            found.update(zip(digests, features_NF, strict=True))
        return found

    def add(self, network: str, view: str, rows: Rows) -> None:
        """Write rows; they are on disk when this returns."""
        if not rows:
            return
        digests_ND = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(-1, DIGEST_BYTES)
        folder = self.folder / network / view
        folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(digests_ND.tobytes()).hexdigest()[:16]
        with self._written(folder / f"{name}.npz") as part, part.open("wb") as file:
            np.savez(file, digests=digests_ND, features=np.stack(list(rows.values())))

    def chosen_engine(self, network: str, reporter: Reporter = QUIET) -> str | None:
        """The engine that a measurement chose for a network, if any."""
        file = self.folder / network / _CHOICE
        if not file.is_file():
            return None
        try:
            engine = json.loads(file.read_text(encoding="utf-8"))["engine"]
        except (ValueError, KeyError, TypeError) as error:
            reporter.warn(f"{file} is damaged ({type(error).__name__}); engines are measured again")
            return None
        return engine if engine in _ENGINES else None

    def keep_engine(self, network: str, engine: str, measured: EngineComparison) -> None:
        """Write the choice of an engine, so that a run that resumes computes the same."""
        folder = self.folder / network
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"engine": engine, "measured": measured.to_json()}, indent=2)
        with self._written(folder / _CHOICE) as part:
            part.write_text(text + "\n", encoding="utf-8")

    @staticmethod
    def _written(target: Path) -> AbstractContextManager[Path]:
        """Several processes may fill one cache."""
        return written_whole(target, suffix=f".{os.getpid()}")


def _read(file: Path) -> tuple[list[bytes], NDArray[np.float32]]:
    # open the file here, since np.load does not close its own if the file is damaged
    with file.open("rb") as handle, np.load(handle, allow_pickle=False) as arrays:
        digests_ND, features_NF = arrays["digests"], arrays["features"]
    fits = (
        digests_ND.dtype == np.uint8
        and digests_ND.shape == (len(features_NF), DIGEST_BYTES)
        and features_NF.dtype == np.float32
        and features_NF.ndim == 2
    )
    if not fits:
        raise ValueError("arrays of another kind")
    return [row.tobytes() for row in digests_ND], features_NF
