"""What is refused before anything is replaced or takes time."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.data.table import Sample, SampleTable
from edgefit.errors import DataError, EdgefitError, RecipeError, RunError
from edgefit.recipe import make_recipe
from edgefit.spec import InputSpec, LabelMap
from edgefit.train.preconditions import require_devices, require_trainable

SPEC = InputSpec(32, 32)
ON_THE_CPU = "train.accelerator=cpu"


def table_of(images: int) -> SampleTable:
    samples = [Sample(f"{i}.png", "ab"[i % 2], "train") for i in range(images)]
    return SampleTable(Path("set"), tuple(samples), LabelMap(("a", "b")))


def require(folder: Path, *overrides: str, images: int = 40) -> None:
    recipe = make_recipe({"name": "x", "model": {"weights": "none"}}, [ON_THE_CPU, *overrides])
    require_trainable(recipe, table_of(images), SPEC, folder)


def test_what_can_be_trained_is_let_through_and_nothing_is_written(tmp_path: Path) -> None:
    require(tmp_path)
    require_devices(make_recipe({"name": "x"}, [ON_THE_CPU]), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("overrides", "kind", "words"),
    [
        (["train.batch_size=1"], RecipeError, "two images in a batch"),
        (["train.augment=convayor"], DataError, "convayor"),
        (["train.precision=64", "train.accelerator=mps"], RecipeError, "cannot train in the way"),
        (["train.teacher={run: absent}"], RunError, "absent"),
        (["train.keep.replay=0.5", "retention.general=absent"], DataError, "absent"),
    ],
)
def test_what_training_would_refuse_is_refused_at_once(
    tmp_path: Path, overrides: list[str], kind: type[EdgefitError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        require(tmp_path, *overrides)


def test_a_single_training_image_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="1 training image"):
        require(tmp_path, images=1)


def test_a_probe_alone_makes_no_batches(tmp_path: Path) -> None:
    require(tmp_path, "train.mode=probe", "train.batch_size=1")


def test_a_device_that_is_not_there_is_refused_without_data(tmp_path: Path) -> None:
    asked = ["train.precision=64", "train.accelerator=mps"]
    with pytest.raises(RecipeError, match="cannot train in the way"):
        require_devices(make_recipe({"name": "x"}, asked), tmp_path)
    require_devices(make_recipe({"name": "x"}, [*asked, "train.mode=probe"]), tmp_path)
