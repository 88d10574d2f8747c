"""Imports what worker processes need, once, in the process that they are forked from.

:mod:`edgefit.data.worker_processes` names this module as the one to preload; nothing else uses it.
"""

from contextlib import suppress

import edgefit.data.worker_processes  # noqa: F401
from edgefit.data.augment import load_albumentations
from edgefit.errors import MissingDependencyError

with suppress(MissingDependencyError):  # a recipe without augmentation does not need it
    load_albumentations()
