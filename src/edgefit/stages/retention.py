"""The stage ``retention``: general knowledge of the backbone before and after fine-tuning.

A backbone pretrained on a million varied images knows more than one task needs. This knowledge
makes it robust, and the next task starts from it. Two probes measure it on general images that
training never saw.
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING

from edgefit.data.general import general_folder, source_fingerprint
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.records.retention import RetentionRecord
from edgefit.run import RunFolder
from edgefit.stages.runner import Runner, always
from edgefit.stages.stage import Context, InputFiles, Stage
from edgefit.stages.train import Train
from edgefit.train.backbones.card import input_spec

if TYPE_CHECKING:
    from edgefit.train.features.cache import FeatureCache

STAGE = RetentionRecord.STAGE


class Retention(Stage[RetentionRecord]):
    """Measure what the backbone knows about general images, before and after fine-tuning.

    Needs ``retention.general`` in the recipe. Ensures ``retention/retention.json``.

    Args:
        context: From the runner.
        cache: Where features are stored; by default, a folder beside the result. Runs that start
            from the same weights share the features of these weights if they share the cache.
    """

    NAME = STAGE
    SECTIONS = ("retention", "evaluate")
    REQUIRES = (Train,)

    def __init__(self, context: Context, *, cache: FeatureCache | None = None) -> None:
        super().__init__(context)
        self._cache = cache

    @classmethod
    def further_inputs(cls, run: RunFolder, recipe: Recipe, files: InputFiles) -> list[str]:
        """The general images."""
        general = recipe.retention.general
        return [] if general is None else [files.folder(general)]

    def inspect(self) -> None:
        """Fingerprint the general images as they are now."""
        self.source = source_fingerprint(self.recipe)

    def holds(self) -> bool:
        """Whether the general images have not changed since they were measured."""
        return self.result().source_fingerprint == self.source

    def prepare(self) -> None:
        """Read the general images; build and load the networks."""
        from edgefit.data.general import read_general
        from edgefit.train.assembly import build_network, load_trained

        folder = general_folder(self.recipe)
        spec = input_spec(self.recipe)
        self.started = time.monotonic()
        self.general = read_general(folder, self.recipe.retention, spec, reporter=self.reporter)
        self.start, _, _ = build_network(self.recipe, self.run.labels())
        self.trained = load_trained(self.run)

    def work(self, *, resumable: bool) -> RetentionRecord:
        """Extract features, probe them, write the result."""
        from edgefit.evaluate.retention import measure_retention
        from edgefit.train.features.cache import FeatureCache

        record = measure_retention(
            self.recipe,
            self.general,
            self.start,
            self.trained,
            self._cache or FeatureCache(self.folder / "features"),
            self.reporter,
            source_fingerprint=self.source,
            began=self.started,
        )
        record.write(self.run.root)
        return record

    def result(self) -> RetentionRecord:
        """The record in ``retention.json``."""
        return RetentionRecord.read(self.run.root)

    def outputs(self, record: RetentionRecord) -> str:
        """Hash of what both probes measured."""
        lasting = {name: probe.to_json() for name, probe in record.by_probe.items()}
        return hashlib.sha256(json.dumps(lasting, sort_keys=True).encode()).hexdigest()


def retention(
    run: RunFolder, reporter: Reporter = QUIET, *, cache: FeatureCache | None = None
) -> RetentionRecord:
    """Run the stage; see :class:`Retention`.

    Returns:
        The record in ``retention.json``: for ``neighbours`` and ``linear`` the accuracy ``before``
        and ``after`` and the share ``kept`` (after / before, paired), each with its interval.

    Raises:
        RecipeError: The recipe names no general images.
        DataError: The general images cannot be used.
        RunError: ``train`` has not finished in this run.
    """
    return always(Runner(run, reporter).run_last(lambda context: Retention(context, cache=cache)))
