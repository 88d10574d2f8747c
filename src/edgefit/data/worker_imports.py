"""What each worker process needs, imported once by the process that they are forked from.

It is imported there by name (:mod:`edgefit.data.worker_processes`) and is of no use elsewhere.
"""

from contextlib import suppress

import edgefit.data.worker_processes  # noqa: F401
from edgefit.data.augment import load_albumentations
from edgefit.errors import MissingDependencyError

with suppress(MissingDependencyError):  # a recipe without augmentation does without
    load_albumentations()
