"""Recipes: what is refused and how it is said, overrides, and the recipes that ship."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgefit.errors import RecipeError
from edgefit.recipe import Recipe, dump_recipe, load_recipe, make_recipe
from edgefit.resources import resource
from edgefit.spec import Aspect, InputSpec

MINIMAL = {"name": "x"}


def problems_of(facts: dict[str, Any], *overrides: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        make_recipe(facts, overrides)
    return caught.value.problems


def test_a_name_is_enough_and_defaults_are_the_documented_ones() -> None:
    recipe = make_recipe(MINIMAL)
    assert recipe.train.epochs == 12
    assert len(recipe.export.variants()) == 6
    assert recipe.verify.max_drop == 0.5


def test_all_problems_are_listed_with_dotted_keys_and_a_suggestion() -> None:
    found = problems_of(
        {"name": "x", "trian": {}, "train": {"epoch": 3, "batch_size": 0}, "data": {"roots": "a"}}
    )
    assert len(found) == 4
    text = "\n".join(found)
    assert "trian: unknown key; did you mean train?" in text
    assert "train.epoch: unknown key; did you mean train.epochs?" in text
    assert "train.batch_size: " in text and "(found 0)" in text
    assert "data.roots: unknown key; did you mean data.root?" in text


def test_a_key_in_the_wrong_section_is_suggested_in_the_right_one() -> None:
    assert problems_of({"name": "x", "batch_size": 3}) == [
        "batch_size: unknown key; did you mean train.batch_size?"
    ]


def test_a_missing_name_is_said() -> None:
    assert problems_of({}) == ["name: missing"]


@pytest.mark.parametrize(
    "override",
    [
        "name=../evil",
        "data.split.validation=0",
        "data.split.test=0.9",
        "data.group='('",
        "input.width=4",
        "input.aspect=squash",
        "model.dropout=1",
        "train.epochs=0",
        "train.layer_decay=0",
        "train.ema_decay=1",
        "train.head_epochs=1",
        "train.learning_rate=0",
        "train.learning_rate=.nan",
        "train.learning_rate=.inf",
        "train.weight_decay=.nan",
        "train.balance=both",
        "train.precision=16bit",
        "train.workers=-1",
        "train.devices=0",
        "evaluate.resamples=5",
        "export.engines=[]",
        "export.precisions=[int8, int8]",
        "export.opset=11",
        "verify.batch_sizes=[]",
        "verify.batch_sizes=[0]",
        "verify.max_drop=-1",
        "verify.max_drop=.nan",
        "verify.required=[openvino/int4]",
        "benchmark.seconds=.inf",
        "benchmark.threads=0",
        "task=segmentation",
    ],
)
def test_values_out_of_range_are_refused(override: str) -> None:
    section = override.partition("=")[0].split(".")[0]
    found = problems_of(MINIMAL, override)
    assert found and all(p.startswith((section, "recipe")) for p in found)


def test_two_group_sources_exclude_each_other() -> None:
    found = problems_of({"name": "x", "data": {"group": "a", "group_column": "b"}})
    assert found[0].startswith("data: ") and "exclude each other" in found[0]


def test_required_variants_must_be_made() -> None:
    found = problems_of(
        {"name": "x", "export": {"precisions": ["fp32"]}, "verify": {"required": ["openvino/int8"]}}
    )
    assert "verify.required names ['openvino/int8']" in found[0]
    ok = make_recipe({"name": "x", "verify": {"required": ["openvino/int8"]}})
    assert ok.verify.required == ["openvino/int8"]


def test_overrides_win_and_are_read_as_yaml() -> None:
    recipe = make_recipe(
        {"name": "x", "train": {"epochs": 9}},
        ["train.epochs=3", "export.engines=[openvino]", "input.aspect=crop", "description=a=b"],
    )
    assert recipe.train.epochs == 3
    assert [str(e) for e in recipe.export.engines] == ["openvino"]
    assert recipe.input.aspect is Aspect.CROP
    assert recipe.description == "a=b"


def test_overrides_leave_the_given_facts_as_they_were() -> None:
    facts = {"name": "x", "train": {"epochs": 9}}
    make_recipe(facts, ["train.epochs=3"])
    assert facts == {"name": "x", "train": {"epochs": 9}}


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.epochs", "not have the form key=value"),
        ("=3", "not have the form key=value"),
        ("train.epochs=[1", "value is not YAML"),
        ("name.first=3", "a key inside a value"),
    ],
)
def test_an_override_that_cannot_be_read(override: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        make_recipe(MINIMAL, [override])


def test_an_override_with_an_unknown_key_is_a_problem_like_any_other() -> None:
    assert "did you mean train.epochs?" in problems_of(MINIMAL, "train.epohcs=3")[0]


@pytest.mark.parametrize(
    ("text", "overrides", "problems", "is_the_files"),
    [
        ("name: x\n", ["train.epochs=0"], ["train.epochs: "], False),
        ("train: {epochs: 5}\n", ["name=x", "train.seed=-1"], ["train.seed: "], False),
        ("name: x\ntrain: {epochs: 0}\n", ["train.epochs=5", "a=1"], ["a: "], False),
        ("name: x\ntrain: {epochs: 0}\n", ["train.epochs=-1"], ["train.epochs: "], False),
        ("train: {epochs: 0}\n", ["name=x"], ["train.epochs: "], True),
        ("train: {epochs: 0}\n", [], ["name: missing", "train.epochs: "], True),
    ],
)
def test_the_file_is_named_only_where_a_problem_is_its_own(
    tmp_path: Path, text: str, overrides: list[str], problems: list[str], is_the_files: bool
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, overrides)
    assert caught.value.path == (str(path) if is_the_files else None)
    assert ("--set" in str(caught.value)) != is_the_files
    found = caught.value.problems
    assert len(found) == len(problems)
    assert all(one.startswith(begin) for one, begin in zip(found, problems, strict=True))


def test_problems_of_a_file_and_of_set_are_told_apart() -> None:
    found = problems_of({"name": "x", "train": {"epochs": 0}}, "train.batch_size=0")
    assert [problem.endswith("(from --set)") for problem in found] == [False, True]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n- b\n", "not a mapping"),
        ("", "is empty"),
        ("just text", "not a mapping"),
        ("name: [x\n", "not valid YAML"),
        ("name: x\ntrain: {epochs: 3, epochs: 5}\n", "the key 'epochs' appears twice"),
        ("name: x\nname: y\n", "the key 'name' appears twice"),
        ("name: !!python/object/apply:os.getcwd []\n", "not valid YAML"),
    ],
)
def test_files_that_are_no_recipe(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=said) as caught:
        load_recipe(path)
    assert caught.value.path == str(path)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(b"\xff\xfe\x00name: x")
    with pytest.raises(RecipeError, match="not valid YAML"):
        load_recipe(path)


@pytest.mark.parametrize("name", ["absent.yaml", "."])
def test_a_path_that_is_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecipeError, match="does not exist") as caught:
        load_recipe(tmp_path / name)
    assert caught.value.remedy


def test_what_is_dumped_reads_back_equal(tmp_path: Path) -> None:
    recipe = make_recipe(
        {
            "name": "parts.v2",
            "description": "Teile: # kein Kommentar",
            "data": {
                "root": str(tmp_path / "Bilder ä"),
                "group": r"^\d+/(\d+)",
                "classes": ["no", "1"],
            },
            "verify": {"required": ["onnxruntime/fp32"]},
            "train": {"learning_rate": 1e-5},
        }
    )
    dump_recipe(recipe, tmp_path / "out.yaml")
    assert load_recipe(tmp_path / "out.yaml") == recipe


def test_the_input_section_becomes_an_input_spec() -> None:
    spec = make_recipe(MINIMAL, ["input.width=96", "input.pad_value=3"]).input.to_spec(
        [0.1, 0.2, 0.3], (0.4, 0.5, 0.6)
    )
    assert spec == InputSpec(96, 224, pad_value=3, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))


def shipped() -> list[Path]:
    return sorted(resource("models").glob("*/recipe.yaml"))


def test_there_are_four_recipes() -> None:
    assert [p.parent.name for p in shipped()] == [
        "conveyor-quality",
        "demo",
        "road-signs",
        "surface-defects",
    ]


@pytest.mark.parametrize("path", shipped(), ids=lambda p: p.parent.name)
def test_every_recipe_that_ships_is_valid_and_names_a_backbone(path: Path) -> None:
    from edgefit.train.backbones.card import load_card

    recipe = load_recipe(path)
    assert isinstance(recipe, Recipe)
    assert recipe.name == path.parent.name
    assert recipe.data.root is None
    assert recipe.description
    card = load_card(recipe.model.backbone)
    assert min(recipe.input.width, recipe.input.height) >= card.min_input_size


@pytest.mark.parametrize(("written", "meant"), [("32", "32"), ('"32"', "32"), ("auto", "auto")])
def test_a_precision_of_32_needs_no_quotes(written: str, meant: str) -> None:
    recipe = make_recipe({"name": "x"}, [f"train.precision={written}"])
    assert recipe.train.precision == meant


def test_a_class_named_by_digits_keeps_its_zeros() -> None:
    recipe = make_recipe({"name": "x"}, ["operating.good=00040", "operating.max_escape=0.03"])
    assert recipe.operating.good == "00040"
    with pytest.raises(RecipeError, match=r"operating\.good: .*in quotes \(found 7\)"):
        make_recipe({"name": "x"}, ["operating.good=7", "operating.max_escape=0.03"])


def test_one_wrong_value_is_one_problem_in_the_users_words() -> None:
    with pytest.raises(RecipeError) as caught:
        make_recipe({"name": "x"}, ["train.devices=0", "operating.max_escape=0.03"])
    devices, operating = sorted(caught.value.problems, reverse=True)
    assert devices.startswith("train.devices: expected at least 1, or 'auto'")
    assert "'auto'" in devices
    assert devices.endswith("(found 0)")
    assert operating.startswith("operating: a threshold needs `good`")
    assert "found" not in operating


def test_a_task_that_does_not_exist_is_refused_with_those_that_do() -> None:
    (problem,) = problems_of(MINIMAL, "task=segmentaton")
    assert problem.startswith("task: no task has this name; expected classification")
    assert "segmentaton" in problem


@pytest.mark.parametrize("key", ["train.lr", "data.nope", "train.optimiser", "lr"])
def test_an_unknown_key_unlike_any_other_brings_no_suggestion(key: str) -> None:
    assert "did you mean" not in problems_of(MINIMAL, f"{key}=3")[0]
