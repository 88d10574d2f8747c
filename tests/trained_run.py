"""A run whose network was not trained but solved for: in a second, and right as often as wanted.

The pictures are grey discs, brighter in one class than in the other, with noise on the brightness
that makes the classes overlap. The backbone is random; the head is the least-squares answer to its
features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from edgefit.data.frame_store import FrameStore, frames_in_order
from edgefit.data.frozen import frozen_samples
from edgefit.recipe import Recipe, make_recipe
from edgefit.records.train import EpochRow, KeptWeights, TrainRecord, WeightsReport
from edgefit.run import RunFolder
from edgefit.stages.check import check
from edgefit.train.assembly import build_network
from edgefit.train.backbones.card import input_spec
from edgefit.train.weight_files import BEST, save_weights
from tests.stamps import mark_done

SIZE = 32


def write_discs(
    root: Path, counts: Mapping[str, int], *, spread: float = 14.0, seed: int = 0
) -> Path:
    """One folder a class; the n-th class is 60 grey levels brighter than the one before it."""
    rng = np.random.default_rng(seed)
    for position, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        for number in range(count):
            level = 70 + 60 * position + rng.normal(0, spread)
            picture = np.clip(rng.normal(110, 8, (SIZE, SIZE, 3)), 0, 255)
            cv2.circle(picture, (16, 16), 12, (level,) * 3, -1)
            assert cv2.imwrite(
                str(root / name / f"part_{number:04d}.png"), picture.round().astype(np.uint8)
            )
    return root


def recipe_for(pictures: Path, *overrides: str) -> Recipe:
    facts = {
        "name": "discs",
        "data": {"root": str(pictures), "split": {"validation": 0.4, "test": 0.3}},
        "input": {"width": SIZE, "height": SIZE},
        "model": {"backbone": "mobilenet_v3_small", "weights": "none"},
        "evaluate": {"resamples": 100},
        "export": {"calibration_images": 16, "golden_frames": 4, "precisions": ["fp32", "int8"]},
        "verify": {"max_drop": 100},
        "benchmark": {"seconds": 0.2, "rounds": 1},
    }
    return make_recipe(facts, overrides)


def solved_run(root: Path, pictures: Path, *overrides: str, sharpness: float = 4.0) -> RunFolder:
    """A run whose stages ``check`` and ``train`` are done.

    Args:
        root: The run's folder.
        pictures: From :func:`write_discs`.
        overrides: ``key=value`` texts.
        sharpness: What the least-squares logits are multiplied by; honest ones are about 4 here.
    """
    run = RunFolder(root)
    recipe = recipe_for(pictures, *overrides)
    run.start(recipe)
    check(run)
    table = frozen_samples(run).of("train")
    network, _, _ = build_network(recipe, table.labels)
    network.eval()
    store = FrameStore(table.samples, table.root, input_spec(recipe))
    with torch.inference_mode():
        frames = [torch.from_numpy(f) for f in frames_in_order(store)]
        features_NF = torch.cat([network.features(f) for f in frames]).double()
    targets_NC = nn.functional.one_hot(torch.from_numpy(table.targets_N())).double() * 2 - 1
    mean_F, spread_F = features_NF.mean(0), features_NF.std(0).clamp_min(1e-12)
    scaled_NF = (features_NF - mean_F) / spread_F
    ridge = torch.eye(scaled_NF.shape[1], dtype=torch.float64) * len(table)
    weight_FC = torch.linalg.solve(scaled_NF.T @ scaled_NF + ridge, scaled_NF.T @ targets_NC)
    linear = next(m for m in network.head.modules() if isinstance(m, nn.Linear))
    with torch.no_grad():
        linear.weight.copy_(((weight_FC.T / spread_F) * sharpness).float())
        linear.bias.copy_((targets_NC.mean(0) - (mean_F / spread_F) @ weight_FC) * sharpness)
    save_weights(network, run.stage_dir("train") / BEST)
    solved_record(recipe.model.backbone).write(run.root)
    mark_done(run, "train", root.name)
    return run


def solved_record(backbone: str) -> TrainRecord:
    """What ``train`` leaves where nothing was trained."""
    values = dict.fromkeys(("accuracy", "balanced_accuracy", "macro_f1", "loss"), 0.5)
    return TrainRecord(
        backbone=backbone,
        weights=WeightsReport(source="none"),
        mode="probe",
        best=EpochRow(epoch=0, phase="probe", validation=values),
        epochs=0,
        stopped_early=False,
        history=(),
        device="cpu",
        decode_seconds=0.0,
        kept=KeptWeights(what="probe"),
        over_fitting=None,
        training_seconds=0.0,
        threads=1,
    )


def again(run: RunFolder, overrides: Sequence[str]) -> RunFolder:
    """The same run with other keys; stages whose inputs they change are no longer done."""
    facts = run.recipe().model_dump(mode="json")
    run.start(make_recipe(facts, overrides))
    return run
