"""How long a probe's cross-validation takes by the threads it is given.

``python -m benchmarks.probe_speed [RUN] --out FILE.json``. The same fits, in turn: fold after fold
with as many threads as the libraries take, fold after fold with one, and folds side by side with
one each, as shipped (:mod:`edgefit.train.probe.solving`). With a RUN, these are its training images
and its backbone's features; else features are drawn, as many and as wide as those of MobileNetV2 on
the German road signs.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring import against, figure, time_in_turn, write_result
from edgefit.data.frozen import frozen_samples
from edgefit.recipe import ProbeConfig
from edgefit.run import RunFolder
from edgefit.runtime.cores import available_cores
from edgefit.train.assembly import build_network
from edgefit.train.features.extract import extract_features
from edgefit.train.probe.models import Folds, Standardised, fit_logistic, make_folds
from edgefit.train.probe.solving import side_by_side
from edgefit.train.split_frames import decode_splits

TOLERANCE = 1e-3
SHIPPED = "folds side by side, one thread each"


@dataclass(frozen=True)
class Rows:
    """What a probe is fitted to.

    Attributes:
        features_NF: ``float32`` (N, F).
        targets_N: Class positions.
        groups_N: Group of each row.
        origin: In words.
    """

    features_NF: NDArray[np.float32]
    targets_N: NDArray[np.int64]
    groups_N: NDArray[np.str_]
    origin: str


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, nargs="?", help="a checked run; else features are drawn")
    parser.add_argument("--images", type=int, default=3683, help="rows where features are drawn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the result here")
    options = parser.parse_args()
    rows = _of_run(options.run) if options.run else _drawn(options.images)
    config = ProbeConfig()
    folds = make_folds(rows.targets_N, rows.groups_N, config.folds, seed=0)
    fit = partial(_fit, rows, sorted(config.strengths))
    ways = {
        "fold after fold, the libraries' own threads": partial(_in_turn, fit, folds, None),
        "fold after fold, one thread": partial(_in_turn, fit, folds, 1),
        SHIPPED: partial(side_by_side, fit, folds.parts),
    }
    samples = time_in_turn(ways, rounds=options.rounds, runs=1, warmup=0)
    figures = [figure(n, [ms / 1000 for ms in of], unit="s") for n, of in samples.items()]
    shipped = figures[-1]
    images, width = rows.features_NF.shape
    command = "python -m benchmarks.probe_speed" + (" RUN" if options.run else "")
    notes = [
        f"{len(folds.parts)} folds, {len(config.strengths)} strengths, {images} images of "
        f"{len(np.unique(rows.targets_N))} classes, {width} features, {rows.origin}; "
        f"{available_cores()} cores, "
        f"scikit-learn {metadata.version('scikit-learn')}, scipy {metadata.version('scipy')}.",
    ]
    write_result(
        options.out,
        "probe-speed",
        f"{command} --rounds {options.rounds}",
        [*(against(one, shipped) for one in figures[:-1]), shipped],
        notes,
    )


def _fit(
    rows: Rows, strengths: list[float], fold: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> list[Any]:
    """All strengths on one fold, as the probe does."""
    fitted_J, _ = fold
    scaled, truth_J = Standardised(rows.features_NF[fitted_J]), rows.targets_N[fitted_J]
    classes = int(rows.targets_N.max()) + 1
    return list(
        fit_logistic(scaled, truth_J, classes, strengths, balanced=False, tolerance=TOLERANCE)
    )


def _in_turn(fit: Any, folds: Folds, threads: int | None) -> None:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(threads):
        for fold in folds.parts:
            fit(fold)


def _of_run(folder: Path) -> Rows:
    run = RunFolder(folder)
    recipe, table = run.recipe(), frozen_samples(run)
    network, _, _ = build_network(recipe, table.labels)
    frames = decode_splits(recipe, table, network.spec)
    train = table.of("train")
    groups_N = np.array([s.group or s.path for s in train.samples], dtype=np.str_)
    features_NF = extract_features(network, frames.train, cache=None)
    return Rows(features_NF, train.targets_N(), groups_N, "a run's")


def _drawn(images: int) -> Rows:
    random = np.random.default_rng(0)
    targets_N = np.arange(images, dtype=np.int64) % 43
    means_CF = random.normal(0, 0.3, (43, 1280))
    features_NF = np.maximum(0, means_CF[targets_N] + random.normal(0, 1, (images, 1280)))
    groups_N = np.arange(images).astype(np.str_)
    return Rows(features_NF.astype(np.float32), targets_N, groups_N, "drawn")


if __name__ == "__main__":
    main()
