"""The suites that measure training: the peer, the race against it, and the pairs of ways."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import numpy as np
import pytest
import torch

from benchmarks import gpu_use, plain_loop, probe_speed, time_to_accuracy, training_speed
from benchmarks.plain_loop import PlainConfig
from benchmarks.time_to_accuracy import OURS, Race, figures_of, fresh_copy, race_of
from edgefit.recipe import make_recipe
from edgefit.run import RunFolder
from edgefit.spec import InputSpec
from edgefit.stages.check import check
from tests.stamps import is_done

SCHEMA = Path(__file__).parents[3] / "benchmarks" / "schema.json"
PEER = "plain loop, rate 0.0125, crops from 0.08"


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Two colours of 40 pixel pictures, checked and split; read only."""
    root = tmp_path_factory.mktemp("race")
    random = np.random.default_rng(0)
    for name, colour in {"blue": (200, 60, 40), "red": (40, 60, 200)}.items():
        (root / "data" / name).mkdir(parents=True)
        for number in range(16):
            picture = random.normal(0, 20, (40, 40, 3)) + colour
            picture = np.clip(picture, 0, 255).astype(np.uint8)
            assert cv2.imwrite(str(root / "data" / name / f"{number}.png"), picture)
    facts = {
        "name": "race",
        "data": {"root": str(root / "data"), "split": {"validation": 0.25, "test": 0.2}},
        "input": {"width": 32, "height": 32},
        "model": {"backbone": "mobilenet_v3_small", "weights": "none"},
        "train": {"epochs": 1, "batch_size": 8, "accelerator": "cpu", "workers": 0},
    }
    recipe = make_recipe(facts)
    run = RunFolder(root / "run")
    run.start(recipe)
    check(run)
    return run


def read_result(out: Path, suite: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    jsonschema.validate(result, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert result["suite"] == suite
    names = [figure["name"] for figure in result["figures"]]
    assert len(set(names)) == len(names)
    assert all(figure.get("peer", names[0]) in names for figure in result["figures"])
    return result


class TestPlainLoop:
    def test_learns_and_keeps_the_time_of_measuring_apart(self, checked: RunFolder) -> None:
        config = PlainConfig(epochs=4, workers=0, batch_size=8, min_scale=0.5, schedule="step")
        rows = list(plain_loop.train(checked, config))
        assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
        assert rows[-1]["loss"] < rows[0]["loss"]
        assert all(0 <= row["metric"] <= 1 for row in rows)
        measuring = [row["evaluation"] for row in rows]
        assert 0 < measuring[0] < measuring[-1] < rows[-1]["at"] - rows[0]["at"] + measuring[0]

    def test_repeats_itself(self, checked: RunFolder) -> None:
        config = PlainConfig(epochs=1, workers=0)
        first, second = (next(plain_loop.train(checked, config))["loss"] for _ in range(2))
        assert first == second

    def test_stops_at_the_target(self, checked: RunFolder) -> None:
        rows = list(plain_loop.train(checked, PlainConfig(epochs=3, workers=0, target=0.0)))
        assert len(rows) == 1

    def test_is_the_reference_recipe(self) -> None:
        parameter = torch.nn.Parameter(torch.ones(1))
        optimizer = torch.optim.SGD([parameter], lr=0.5)
        schedule = plain_loop.make_schedule(optimizer, PlainConfig(epochs=2))
        rates = []
        for _ in range(3):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        assert rates == pytest.approx([0.5, 0.25, 0.0])

    @pytest.mark.parametrize("flip", [True, False])
    def test_mirrors_only_where_it_may(self, flip: bool) -> None:
        spec = InputSpec(32, 32)
        transform = plain_loop.make_transform(spec, PlainConfig(flip=flip, min_scale=0.999))
        left_dark = np.zeros((32, 32, 3), np.uint8)
        left_dark[:, 16:] = 255
        image = plain_loop.Image.fromarray(left_dark)
        torch.manual_seed(0)
        pictures = [transform(image) for _ in range(20)]
        assert all(picture.shape == (3, 32, 32) for picture in pictures)
        mirrored = [bool(p[:, :, :8].mean() > p[:, :, -8:].mean()) for p in pictures]
        assert any(mirrored) == flip
        assert not all(mirrored)


class TestRace:
    def test_time_of_measuring_is_left_out(self) -> None:
        rows = [
            {"epoch": 1, "loss": 1.0, "metric": 0.5, "at": 110.0, "evaluation": 2.0},
            {"epoch": 2, "loss": 0.9, "metric": 0.9, "at": 120.0, "evaluation": 4.0},
        ]
        race = race_of("\n".join(json.dumps(row) for row in rows), started=100.0)
        assert race == Race([8.0, 16.0], [0.5, 0.9])
        assert race.reached(0.5) == 8.0
        assert race.reached(0.8) == 16.0
        assert race.reached(0.95) is None

    def test_ours_is_held_against_the_fastest_peer(self) -> None:
        races = {
            OURS: [Race([10.0, 20.0], [0.9, 0.99])],
            PEER: [Race([50.0, 70.0], [0.5, 0.98])],
            "other": [Race([50.0, 90.0], [0.5, 0.98])],
        }
        ours, *rest = figures_of(races, 0.98, "accuracy")
        assert ours["median"] == 20.0
        assert ours["peer"].startswith(PEER)
        assert ours["ratio"] == pytest.approx(20 / 70, abs=1e-4)
        assert ours["reached"] is True
        curves = [figure for figure in rest if figure["unit"] == "share"]
        assert next(figure["samples"] for figure in curves) == [0.9, 0.99]

    def test_a_target_that_we_missed_is_not_reached(self) -> None:
        races = {OURS: [Race([1.0], [0.97])], PEER: [Race([90.0], [0.99])]}
        ours = figures_of(races, 0.98, "accuracy")[0]
        assert ours["parameters"] == {"not_reached": 1}
        assert ours["reached"] is False

    def test_a_target_that_the_peer_missed_counts_all_its_seconds(self) -> None:
        races = {OURS: [Race([10.0], [0.99])], PEER: [Race([40.0, 80.0], [0.5, 0.9])]}
        ours, peer = figures_of(races, 0.98, "accuracy")[:2]
        assert (peer["median"], peer["parameters"]) == (80.0, {"not_reached": 1})
        assert ours["ratio"] == pytest.approx(10 / 80)

    def test_starts_without_any_cache(self, checked: RunFolder, tmp_path: Path) -> None:
        (checked.stage_dir("train") / "left-behind").touch()
        copy = fresh_copy(checked, tmp_path / "copy")
        assert is_done(copy, "check")
        assert not (copy.root / "train").exists()
        assert not is_done(copy, "train")

    def test_order_turns_round(
        self, checked: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        started = []

        def race(run: RunFolder, racer: time_to_accuracy.Racer) -> Race:
            started.append(racer.name)
            return Race([10.0 if racer.name == OURS else 40.0], [1.0])

        out, readme = tmp_path / "out.json", tmp_path / "README.md"
        readme.write_text("# race\n")
        monkeypatch.setattr(time_to_accuracy, "run_racer", race)
        arguments = [str(checked.root), "--repeats", "2", "--out", str(out)]
        monkeypatch.setattr(sys, "argv", ["race", *arguments, "--readme", str(readme)])
        time_to_accuracy.main()
        assert started == [OURS, PEER, PEER, OURS]
        result = read_result(out, "time-to-accuracy")
        assert result["figures"][0]["samples"] == [10.0, 10.0]
        assert str(checked.root) not in out.read_text()
        assert "| 40 | 40, 40 | 4.0 |" in readme.read_text()

    @pytest.mark.slow
    def test_both_sides_run(
        self, checked: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        out = tmp_path / "out.json"
        arguments = [str(checked.root), "--whole", "--peer-epochs", "2", "--out", str(out)]
        monkeypatch.setattr(sys, "argv", ["race", *arguments])
        time_to_accuracy.main()
        figures = {f["name"]: f for f in read_result(out, "time-to-accuracy")["figures"]}
        ours = figures[f"{OURS}, accuracy after each epoch, repeat 1"]
        peer = figures[f"{PEER}, accuracy after each epoch, repeat 1"]
        assert len(ours["samples"]) == 2  # the probe, and one epoch
        assert len(peer["samples"]) == 2
        for curve in (ours, peer):
            seconds = curve["parameters"]["seconds"]
            assert 0 < seconds[0] <= seconds[-1] < 600


@pytest.mark.slow
class TestTrainingSpeed:
    def test_pairs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        out = tmp_path / "out.json"
        arguments = ["--no-compile", "--side", "32", "--batch-size", "2", "--rounds", "1"]
        arguments += ["--runs", "1", "--batches", "1", "--device", "cpu", "--out", str(out)]
        monkeypatch.setattr(sys, "argv", ["speed", *arguments])
        training_speed.main()
        result = read_result(out, "training-speed")
        figures = {figure["name"]: figure for figure in result["figures"]}
        assert all(figure["better"] == "higher" for figure in figures.values())
        assert figures["step: bf16 mixed"]["peer"].startswith("step: channels_last, fp32")
        assert (
            figures["epoch: decoded again, in turn"]["peer"] == "epoch: frames in memory, in turn"
        )
        assert figures["batches alone: 2 processes ahead"]["peer"] == "batches alone: in turn"
        assert len([note for note in result["notes"] if "times" in note]) == len(figures) - 3

    def test_takes_a_run(
        self, checked: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        out = tmp_path / "out.json"
        arguments = [str(checked.root), "--no-compile", "--batch-size", "2", "--rounds", "1"]
        arguments += ["--runs", "1", "--batches", "1", "--device", "cpu", "--out", str(out)]
        monkeypatch.setattr(sys, "argv", ["speed", *arguments])
        training_speed.main()
        assert read_result(out, "training-speed")["notes"][0].startswith(
            "mobilenet_v3_small, 32x32"
        )

    @pytest.mark.parametrize(
        ("ratio", "spread", "word"),
        [
            (1.3, 0.0, "faster"),
            (1.02, 0.0, "no difference"),
            (0.98, 0.0, "no difference"),
            (0.5, 0.0, "slower"),
            (1.3, 0.4, "no difference"),
            (0.8, 0.4, "no difference"),
        ],
    )
    @pytest.mark.parametrize("wide", ["a", "b"])
    def test_verdicts(self, ratio: float, spread: float, word: str, wide: str) -> None:
        peer, one = (
            {"name": name, "unit": "images/s", "spread": spread if name == wide else 0.0}
            for name in "ba"
        )
        found = training_speed.verdicts([peer, one | {"ratio": ratio, "peer": "b"}])
        assert [line.startswith(f"a: {word} (") for line in found] == [True]

    @pytest.mark.parametrize(
        ("made", "steps", "both", "words"),
        [
            (2000, 8000, 1950, "the bound is the making of batches"),
            (8000, 2000, 1950, "the bound is the steps"),
            (8500, 8000, 5300, "they slow each other"),
        ],
    )
    def test_bound(self, made: float, steps: float, both: float, words: str) -> None:
        assert words in training_speed.bound(made, steps, both)

    def test_how_busy_a_gpu_is(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        tool = tmp_path / "nvidia-smi"
        tool.write_text(
            '#!/bin/sh\necho 10\necho "[N/A]"\necho 30\necho $2\nprintf 99\nexec sleep 60\n'
        )
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
        here = type("Here", (), {"uuid": "7"})
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: here)
        with gpu_use.watched_gpu() as busy:
            time.sleep(1)
            assert busy == []
        assert busy == [10, 30], "the last line may be cut off"

    def test_ways_do_what_they_say(self) -> None:
        images = training_speed.Images((), Path(), InputSpec(32, 32), "mobilenet_v3_small", "none")
        network = training_speed._network(images)
        batch = (torch.full((2, 32, 32, 3), 9, dtype=torch.uint8), torch.tensor([0, 1]))
        statistics = {n: b.clone() for n, b in network.named_buffers() if "running" in n}
        frozen = training_speed.Stepper(network, batch)
        learned = training_speed.Stepper(network, batch, frozen_statistics=False)
        frozen()
        learned()

        def moved(stepper: training_speed.Stepper) -> bool:
            now = dict(stepper.network.named_buffers())
            return any(not torch.equal(now[n], before) for n, before in statistics.items())

        assert not moved(frozen)
        assert moved(learned)
        before = next(network.parameters())
        assert not torch.equal(before, next(frozen.network.parameters()))


class TestProbeSpeed:
    @pytest.mark.slow
    def test_ways(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        out = tmp_path / "out.json"
        monkeypatch.setattr(
            sys, "argv", ["probe", "--images", "258", "--rounds", "1", "--out", str(out)]
        )
        probe_speed.main()
        result = read_result(out, "probe-speed")
        assert [one.get("peer") for one in result["figures"]] == [probe_speed.SHIPPED] * 2 + [None]
        assert "258 images of 43 classes, 1280 features, drawn" in result["notes"][0]

    def test_takes_a_run(self, checked: RunFolder) -> None:
        rows = probe_speed._of_run(checked.root)
        assert rows.features_NF.shape[0] == len(rows.targets_N) == len(rows.groups_N)
        assert rows.features_NF.std() > 0
