"""A new bundle put in place of the old one answers without a restart, and no frame is lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgefit.bundle import Bundle, read_bundle
from edgefit.errors import BundleError, EdgefitError
from edgefit.runtime.faults import faults_of_a_frame, in_words
from edgefit.runtime.predictor import Predictor
from edgefit.runtime.selftest import self_test
from edgefit.runtime.voice import Voice

INTERVAL_S = 1.0
_TOP = 1
_Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True)
class Reload:
    """How a new bundle comes into use.

    Attributes:
        folder: The bundle's folder.
        opened: Opens a bundle with the run's variant, workers and threads.
        swap: Puts the new predictor in the place of the old one.
    """

    folder: Path
    opened: Callable[[Bundle], Predictor]
    swap: Callable[[Predictor], None]


class Reloader:
    """Looks for a new bundle at each call; call it about once a second, in one thread.

    A new bundle is read with all its hashes, opened and self-tested beside the run. What does not
    load, fails its self-test, or would change what sinks and sources rely on is told once, and the
    old bundle goes on. A bundle that is copied over the old one file by file is looked at again
    when it has changed.

    Args:
        reload: How it comes into use.
        current: The predictor that answers now.
        voice: Where sentences for the user go.
    """

    def __init__(self, reload: Reload, current: Predictor, voice: Voice) -> None:
        self._reload, self._current, self._voice = reload, current, voice
        self._seen: _Stamp | None = None
        self._judged: _Stamp | None = None

    def __call__(self) -> None:
        """Look once."""
        stamp = _stamp(self._reload.folder)
        settled, self._seen = stamp == self._seen, stamp
        # Twice the same: nobody is copying into it. None: it is being replaced.
        if stamp is None or not settled or stamp == self._judged:
            return
        try:
            fresh = self._fresh()
            if _stamp(self._reload.folder) != stamp:
                return  # it was replaced meanwhile, and its files may be of both
            if fresh is not None:
                self._reload.swap(fresh)
                self._current = fresh
                self._voice.say(f"the new bundle answers: {fresh.origin.bundle}, {fresh.variant}")
        except EdgefitError as error:
            self._refuse(error.message)
        except OSError as error:
            self._refuse(str(error.strerror))
        except faults_of_a_frame() as error:
            self._refuse(in_words(error))
        self._judged = stamp

    def _fresh(self) -> Predictor | None:
        """The new predictor; None where the bundle is the one that answers."""
        bundle = read_bundle(self._reload.folder)
        current = self._current
        if bundle.manifest.sha256 == current.origin.bundle:
            return None
        fresh = self._reload.opened(bundle)
        _require_same_use(bundle, current, fresh)
        result = self_test(bundle, variants=[fresh.variant], threads=1)
        if not result.passed:
            raise BundleError(f"Its self-test failed for {fresh.variant}.", path=bundle.root)
        return fresh

    def _refuse(self, why: str) -> None:
        self._voice.warn(f"the new bundle is not used, the old one goes on. {why}")


def _require_same_use(bundle: Bundle, current: Predictor, fresh: Predictor) -> None:
    """Refuse a bundle that sinks and sources, which stay open, were not opened for."""
    pairs = {
        "task": (current.operating.kind, fresh.operating.kind),
        "classes": (current.labels.names, fresh.labels.names),
        "input": (current.input, fresh.input),
        "columns": (_columns(current), _columns(fresh)),
    }
    for what, (before, after) in pairs.items():
        if before != after:
            raise BundleError(
                f"It has other {what} than the bundle that answers; start again to use it."
                if what in {"classes", "columns"}
                else f"It has another {what} than the bundle that answers; start again to use it.",
                path=bundle.root,
                key=what,
                expected=before,
                found=after,
            )


def _columns(predictor: Predictor) -> tuple[str, ...]:
    return tuple(predictor.columns(top=_TOP).names)


def _stamp(folder: Path) -> _Stamp | None:
    """Name, time, inode and size of each file; None where the folder is away or being replaced."""
    try:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        found = [(str(path), os.stat(path)) for path in paths]  # noqa: PTH116 - paths may vanish
    except OSError:
        return None
    return tuple((p, s.st_mtime_ns, s.st_ino, s.st_size) for p, s in found) or None
