"""Phase one: a linear head on the features of the frozen backbone."""

from __future__ import annotations

from edgefit.records.train import EpochRow, KeptWeights, ProbeRecord
from edgefit.train.backbones.weights import read_state
from edgefit.train.distributed import first_process_first
from edgefit.train.features.extract import FeatureCache
from edgefit.train.loop.interpolation import recompute_statistics
from edgefit.train.phases.phase import Outcome
from edgefit.train.probe.fit import run_probe
from edgefit.train.training import Training
from edgefit.train.weight_files import PROBE, save_weights

FEATURES = "features"
"""Folder of the cached features."""


class ProbePhase:
    """Fits the probe, or loads the one of an earlier start, into the network's head."""

    trains_on_devices = False

    def run(self, training: Training, before: Outcome | None) -> Outcome | None:
        """See :class:`.Phase`."""
        with first_process_first():
            record = _probe(training)
        row = EpochRow(epoch=0, phase="probe", validation=record.validation)
        return Outcome(training.folder / PROBE, KeptWeights(what="probe"), row, probe=record)


def _probe(training: Training) -> ProbeRecord:
    target, run_root = training.folder / PROBE, training.folder.parent
    if target.is_file() and ProbeRecord.path_in(run_root).is_file():
        training.network.load_state_dict(read_state(target))
        return ProbeRecord.read(run_root)
    config, start = training.recipe.train, training.recipe.model.start
    if config.mode != "probe" and config.learns_batch_norm(start):
        # phase two normalises by its batches from the first step on, where a head fitted under
        # other statistics would be wrong (AdaBN, https://arxiv.org/abs/1603.04779)
        recompute_statistics(training.network, training.frames.train)
    probe = run_probe(
        training.network,
        training.frames.train,
        training.table.of("train"),
        config,
        cache=FeatureCache(training.folder / FEATURES),
        reporter=training.reporter,
    )
    record = probe.to_record(training.measure(training.network))
    value = record.validation[config.metric]
    training.reporter.say(f"probe on validation: {config.metric} {value:.4f}")
    save_weights(training.network, target)
    record.write(run_root)
    return record
