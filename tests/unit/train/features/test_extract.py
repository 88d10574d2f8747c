"""Features: found again by content, the same after a kill, from whichever engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgefit.errors import StageError
from edgefit.records.train import EngineComparison
from edgefit.spec import Frame
from edgefit.train.features import extract as features_module
from edgefit.train.features.cache import FeatureCache
from edgefit.train.features.engines import (
    BATCH,
    TorchEngine,
)
from edgefit.train.features.extract import (
    NamedAugmentation,
    extract_features,
    extract_views,
    named_augmentation,
    network_digest,
)
from edgefit.train.network import EdgeNetwork
from tests.tiny_network import SPEC, tiny_network
from tests.unit.train.features.small import Ear, FakeEngine, Pictures


class Killed(BaseException):
    """Stands for SIGKILL: no code of ours catches it."""


def brighter(frame: Frame, seed: int) -> Frame:
    offset = np.random.default_rng(seed).integers(1, 40)
    return np.clip(frame.astype(int) + offset, 0, 255).astype(np.uint8)


BRIGHTER = NamedAugmentation("brighter", brighter)


def plain_features(network: EdgeNetwork, pictures: Pictures) -> NDArray[np.float32]:
    with torch.inference_mode():
        return network.eval().features(torch.from_numpy(pictures.frames_NHWC)).numpy()


def files(cache: FeatureCache) -> list[Path]:
    return sorted(cache.folder.rglob("*.npz"))


def test_features_are_those_of_the_network_in_eval_mode(pictures: Pictures) -> None:
    network = tiny_network(steps=3)
    expected_NF = plain_features(network, pictures)
    network.train()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    found_NF = extract_features(network, pictures, cache=None)
    assert found_NF.dtype == np.float32
    np.testing.assert_allclose(found_NF, expected_NF, rtol=1e-4, atol=1e-5)
    assert all(module.training for module in network.modules())
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_a_second_extraction_computes_nothing_and_gives_the_same_bytes(
    network: EdgeNetwork, pictures: Pictures, cache: FeatureCache
) -> None:
    first = extract_views(network, pictures, [0], cache=cache)
    second = extract_views(network, pictures, [0], cache=cache)
    assert (first.computed, first.reused, first.engine) == (150, 0, "torch")
    assert (second.computed, second.reused, second.engine) == (0, 150, None)
    assert second.images_per_second is None and first.images_per_second
    assert first.features_VNF.tobytes() == second.features_VNF.tobytes()
    assert not list(cache.folder.rglob("*.part"))


def test_a_subset_and_a_superset_take_over_rows(
    network: EdgeNetwork, pictures: Pictures, cache: FeatureCache
) -> None:
    some = pictures.take(range(0, 150, 3))
    part = extract_views(network, some, [0], cache=cache)
    whole = extract_views(network, pictures, [0], cache=cache)
    assert (whole.computed, whole.reused) == (100, 50)
    assert whole.features_VNF[:, ::3].tobytes() == part.features_VNF.tobytes()
    backwards = extract_views(network, pictures.take(range(149, -1, -1)), [0], cache=cache)
    assert backwards.computed == 0
    np.testing.assert_array_equal(backwards.features_VNF[0], whole.features_VNF[0, ::-1])


def test_equal_frames_are_computed_once(network: EdgeNetwork, pictures: Pictures) -> None:
    twice = extract_views(network, pictures.take([5, 6, 5, 5]), [0], cache=None)
    assert (twice.computed, twice.reused) == (2, 2)
    np.testing.assert_array_equal(twice.features_VNF[0, 0], twice.features_VNF[0, 3])


def test_a_row_does_not_depend_on_how_many_images_are_computed(
    network: EdgeNetwork, pictures: Pictures
) -> None:
    alone_NF = extract_features(network, pictures.take([7]), cache=None)
    among_NF = extract_features(network, pictures, cache=None)
    assert alone_NF[0].tobytes() == among_NF[7].tobytes()


@pytest.mark.parametrize("after_batches", [0, 1, 2])
def test_a_killed_extraction_goes_on_to_the_same_bytes(
    network: EdgeNetwork,
    pictures: Pictures,
    cache: FeatureCache,
    monkeypatch: pytest.MonkeyPatch,
    after_batches: int,
) -> None:
    views = [0, 1]
    options: dict[str, Any] = {"augmentation": BRIGHTER, "seed": 3}
    undisturbed = extract_views(network, pictures, views, cache=None, **options)
    calls = []

    def dies(self: TorchEngine, frames_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        if len(calls) == after_batches:
            raise Killed
        calls.append(1)
        return original(self, frames_NHWC)

    original = TorchEngine.features
    with monkeypatch.context() as patch:
        patch.setattr(TorchEngine, "features", dies)
        with pytest.raises(Killed):
            extract_views(network, pictures, views, cache=cache, **options)
    resumed = extract_views(network, pictures, views, cache=cache, **options)
    assert resumed.reused == after_batches * BATCH
    assert resumed.features_VNF.tobytes() == undisturbed.features_VNF.tobytes()


def test_rows_are_on_disk_before_the_end(
    network: EdgeNetwork, pictures: Pictures, cache: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features_module, "_FLUSH_BATCHES", 1)
    saved_at = []
    original = TorchEngine.features

    def watch(self: TorchEngine, frames_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        saved_at.append(len(files(cache)))
        return original(self, frames_NHWC)

    monkeypatch.setattr(TorchEngine, "features", watch)
    extract_features(network, pictures, cache=cache)
    assert saved_at == [0, 1, 2]


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def test_a_damaged_file_is_reported_and_computed_again(
    network: EdgeNetwork, pictures: Pictures, cache: FeatureCache
) -> None:
    first_NF = extract_features(network, pictures, cache=cache)
    (file,) = files(cache)
    file.write_bytes(_cut(file.read_bytes()))
    ear = Ear()
    again_NF = extract_features(network, pictures, cache=cache, reporter=ear)
    assert len(ear.heard) == 1 and "damaged" in ear.heard[0]
    assert again_NF.tobytes() == first_NF.tobytes()
    ear = Ear()
    assert extract_views(network, pictures, [0], cache=cache, reporter=ear).computed == 0
    assert ear.heard == []


@pytest.mark.parametrize("tensor", ["backbone.0.weight", "backbone.1.running_var", "std_255"])
def test_other_weights_statistics_or_normalisation_are_another_network(
    pictures: Pictures, cache: FeatureCache, tensor: str
) -> None:
    network = tiny_network(steps=0)
    first = extract_views(network, pictures, [0], cache=cache)
    with torch.no_grad():
        network.state_dict()[tensor].mul_(1.5)
    second = extract_views(network, pictures, [0], cache=cache)
    assert second.computed == 150
    assert not np.allclose(first.features_VNF, second.features_VNF)


def test_the_head_and_the_temperature_do_not_matter(pictures: Pictures) -> None:
    network = tiny_network(steps=0)
    name = network_digest(network, SPEC.shape_HWC)
    with torch.no_grad():
        network.head.weight.add_(1)  # type: ignore[operator, union-attr]
        network.temperature.fill_(3)
    assert network_digest(network, SPEC.shape_HWC) == name
    assert network_digest(network, (64, 64, 3)) != name


def test_views_depend_on_seed_number_and_augmentation_and_not_on_place(
    network: EdgeNetwork, pictures: Pictures, cache: FeatureCache
) -> None:
    def view(**changed: Any) -> NDArray[np.float32]:
        options: dict[str, Any] = {"augmentation": BRIGHTER, "view": 1, "seed": 0, "cache": cache}
        store = changed.pop("store", pictures)
        return extract_features(network, store, **(options | changed))

    one_NF = view()
    assert not np.allclose(one_NF, view(view=0))
    assert not np.allclose(one_NF, view(view=2))
    assert not np.allclose(one_NF, view(seed=1))
    darker = NamedAugmentation("darker", lambda frame, seed: frame // 2)
    assert not np.allclose(one_NF, view(augmentation=darker))
    np.testing.assert_array_equal(view(cache=None), one_NF)
    np.testing.assert_array_equal(view(store=pictures.take([9, 3]), cache=None), one_NF[[9, 3]])


def test_the_plain_view_is_shared_by_all_seeds_and_augmentations(
    network: EdgeNetwork, pictures: Pictures, cache: FeatureCache
) -> None:
    extract_views(network, pictures, [0], cache=cache, seed=1)
    other = extract_views(network, pictures, [0], cache=cache, seed=2, augmentation=BRIGHTER)
    assert other.computed == 0


def test_the_identity_of_an_augmentation_is_what_it_draws(tmp_path: Path) -> None:
    conveyor, signs = (named_augmentation(name, SPEC) for name in ("conveyor", "road-signs"))
    again = named_augmentation("conveyor", SPEC)
    assert conveyor and signs and again
    assert conveyor.identity == again.identity != signs.identity
    assert named_augmentation("none", SPEC) is None
    texts = []
    for limit in (0.1, 0.2):
        compose = {
            "__class_fullname__": "Compose",
            "p": 1.0,
            "transforms": [
                {
                    "__class_fullname__": "RandomBrightnessContrast",
                    "p": 1.0,
                    "brightness_limit": [-limit, limit],
                    "contrast_limit": [-0.1, 0.1],
                }
            ],
        }
        file = tmp_path / "augment.json"
        file.write_text(json.dumps({"transform": compose}))
        named = named_augmentation(str(file), SPEC)
        assert named
        texts.append(named.identity)
    assert texts[0] != texts[1]


def test_views_without_an_augmentation_and_no_images_are_refused(
    network: EdgeNetwork, pictures: Pictures
) -> None:
    with pytest.raises(StageError) as caught:
        extract_features(network, pictures, cache=None, view=1)
    assert caught.value.key == "train.augment"
    with pytest.raises(StageError, match="no images"):
        extract_features(network, pictures.take([]), cache=None)


def test_a_measured_choice_is_kept_and_few_images_are_not_measured(
    network: EdgeNetwork, pictures: Pictures, cache: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def choose(network: EdgeNetwork, batches: list[Any], images: int) -> Any:
        asked.append((len(batches), images))
        return FakeEngine(network, (32, 32)), EngineComparison(torch_ms_per_image=1.0)

    monkeypatch.setattr(features_module, "choose_engine", choose)
    monkeypatch.setattr(features_module, "OpenvinoEngine", FakeEngine)
    few = extract_views(network, pictures.take(range(40)), [0], cache=cache)
    assert few.engine == "torch" and asked == []
    monkeypatch.setattr(features_module, "MEASURE_FROM", 100)
    many = extract_views(network, pictures, [0], cache=cache)
    assert (many.engine, many.measured) == ("openvino", EngineComparison(torch_ms_per_image=1.0))
    assert asked == [(2, 110)]
    later = extract_views(network, pictures, [1], cache=cache, augmentation=BRIGHTER)
    assert later.engine == "openvino" and len(asked) == 1
    rest = pictures.take(range(3))
    monkeypatch.setattr(features_module, "MEASURE_FROM", 10**6)
    assert extract_views(network, rest, [2], cache=cache, augmentation=BRIGHTER).engine == (
        "openvino"
    )


def test_a_damaged_choice_is_measured_again(
    network: EdgeNetwork, pictures: Pictures, cache: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = network_digest(network, SPEC.shape_HWC)
    cache.keep_engine(name, "openvino", EngineComparison())
    (cache.folder / name / "choice.json").write_text("[1")
    ear = Ear()
    assert extract_views(network, pictures, [0], cache=cache, reporter=ear).engine == "torch"
    assert "choice.json" in ear.heard[0]
