"""What a user may get wrong, each with the damage it needs, the exit code and what is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgefit.bundle import MANIFEST
from edgefit.data.synthetic import generate
from tests.e2e.damage import flip_a_byte, replace_graph

Arguments = list[str]


@dataclass(frozen=True)
class Place:
    """Where a case does its damage.

    Attributes:
        folder: The test's own folder.
        recipe: A recipe that is right.
        pictures: A data set that is right.
        bundle: A copy of a bundle.
        run: The finished run, not to be changed.
    """

    folder: Path
    recipe: Path
    pictures: Path
    bundle: Path
    run: Path

    def train(self, *options: str, data: Path | None = None) -> Arguments:
        """Train on some data with some options."""
        where = data or self.pictures
        out = str(self.folder / "run")
        return ["train", str(self.recipe), "--data", str(where), "--out", out, *options]

    def check(self, data: Path, *options: str) -> Arguments:
        """Check a data set."""
        out = str(self.folder / "run")
        return ["check", str(self.recipe), "--data", str(data), "--out", out, *options]

    def drawn(self, *classes: str) -> Path:
        """A small data set of its own."""
        return generate(self.folder / "drawn", images=24, size=32, classes=classes)

    def csv(self, header: str, *rows: str, options: tuple[str, ...] = ()) -> Arguments:
        """Check a CSV file beside twelve pictures each of good and hole."""
        root = self.drawn("good", "hole")
        table = root / "samples.csv"
        table.write_text("\n".join([header, *rows]) + "\n")
        return self.check(table, "--set", "data.group=null", *options)

    def set(self, override: str) -> Arguments:
        """Build with one key overridden."""
        return ["build", str(self.recipe), "--data", str(self.pictures), "--set", override]

    def edit_manifest(self, change: Callable[[dict[str, Any]], None]) -> Arguments:
        """Verify the bundle after its manifest was edited."""
        path = self.bundle / MANIFEST
        facts = json.loads(path.read_text())
        change(facts)
        path.write_text(json.dumps(facts))
        return ["verify", str(self.bundle)]

    def flip_a_byte(self, relative: str) -> Arguments:
        """Verify the bundle after one byte of a file changed, its size kept."""
        flip_a_byte(self.bundle / relative)
        return ["verify", str(self.bundle)]


def one_image_class(place: Place) -> Arguments:
    root = place.drawn("good", "hole")
    for picture in sorted((root / "hole").iterdir())[1:]:
        picture.unlink()
    return place.check(root)


def single_class(place: Place) -> Arguments:
    root = place.drawn("good", "hole")
    shutil.rmtree(root / "hole")
    return place.check(root)


def empty_folder(place: Place) -> Arguments:
    (place.folder / "nothing").mkdir()
    return place.check(place.folder / "nothing")


def folder_of_broken_pictures(place: Place) -> Arguments:
    root = place.drawn("good", "hole")
    for picture in root.rglob("*.jpg"):
        picture.write_bytes(b"")
    return place.check(root)


def write_recipe(place: Place, text: str) -> Arguments:
    path = place.folder / "recipe.yaml"
    path.write_text(text)
    return ["build", str(path), "--data", str(place.pictures)]


def weights_file(place: Place, content: bytes) -> Arguments:
    path = place.folder / "weights.pth"
    path.write_bytes(content)
    return place.train("--weights", str(path))


def weights_of_another_network(place: Place) -> Arguments:
    import torch
    from torchvision.models import mobilenet_v3_small

    path = place.folder / "other.pth"
    torch.save(mobilenet_v3_small(weights=None).state_dict(), path)
    return place.train("--weights", str(path))


def link_out_of_bundle(place: Place) -> Arguments:
    outside = place.folder / "report.html"
    target = place.bundle / "report.html"
    target.rename(outside)
    target.symlink_to(outside)
    return ["verify", str(place.bundle)]


def name_outside(facts: dict[str, Any]) -> None:
    facts["files"][0]["path"] = "../../etc/passwd"


def rename_label(facts: dict[str, Any]) -> None:
    facts["labels"][0] = "bad"


def swap_labels(facts: dict[str, Any]) -> None:
    facts["labels"][:2] = facts["labels"][1::-1]


def raise_version(facts: dict[str, Any]) -> None:
    facts["format_version"] = 999


def drop_a_key(facts: dict[str, Any]) -> None:
    del facts["variants"]


def cut_off_manifest(place: Place) -> Arguments:
    path = place.bundle / MANIFEST
    path.write_bytes(path.read_bytes()[:200])
    return ["predict", str(place.bundle), str(place.pictures)]


def change_temperature(facts: dict[str, Any]) -> None:
    facts["temperature"] = 2.0


def spoil(path: Path) -> None:
    path.write_bytes(b"no network at all")


def replaced_network(place: Place) -> Arguments:
    """A file that is no network, listed in the manifest with its right hash."""
    relative = "onnxruntime/model.fp32.onnx"
    replace_graph(place.bundle, relative, spoil)
    picture = next((place.pictures / "good").iterdir())
    return ["predict", str(place.bundle), str(picture), "--variant", "onnxruntime/fp32"]


def predict(place: Place, source: str, *options: str) -> Arguments:
    return ["predict", str(place.bundle), source, *options]


def out_is_a_file(place: Place) -> Arguments:
    (place.folder / "taken").write_text("a file\n")
    out = str(place.folder / "taken")
    return ["check", str(place.recipe), "--data", str(place.pictures), "--out", out]


@dataclass(frozen=True)
class Case:
    """What is asked, how it ends, and what the message names."""

    name: str
    arguments: Callable[[Place], Arguments]
    exit_code: int
    says: tuple[str, ...]


DATA = [
    Case("no such data", lambda p: p.check(p.folder / "nowhere"), 2, ("nowhere", "--data")),
    Case("no data named", lambda p: ["check", str(p.recipe)], 2, ("data.root", "--data")),
    Case("empty folder", empty_folder, 2, ("holds no images", "nothing")),
    Case("data is a picture", lambda p: p.check(next(p.pictures.rglob("*.jpg"))), 2, (".jpg",)),
    Case("all pictures broken", folder_of_broken_pictures, 2, ("None of 24 images", "empty")),
    Case("one image in a class", one_image_class, 2, ("'hole' (1 image in 1 group)", "drawn")),
    Case("single class", single_class, 2, ("single class", "good", "drawn")),
    Case(
        "group pattern fits nothing",
        lambda p: p.check(p.pictures, "--set", "data.group=lot_(.)"),
        2,
        ("data.group", "lot_(.)"),
    ),
    Case(
        "CSV lacks a column",
        lambda p: p.csv("path,class", "good/a.jpg,good"),
        2,
        ("samples.csv", "path,class", "path,label"),
    ),
    Case(
        "CSV with an unknown label",
        lambda p: p.csv(
            *("path,label", "good/a.jpg,good", "hole/b.jpg,hoel"),
            options=("--set", "data.classes=[good,hole]"),
        ),
        2,
        ("samples.csv", "Line 3", "hoel", "data.classes"),
    ),
    Case(
        "CSV that leads out",
        lambda p: p.csv("path,label", "../../elsewhere.jpg,good"),
        2,
        ("out of the data set", "elsewhere.jpg"),
    ),
    Case(
        "CSV that names another root",
        lambda p: p.csv("path,label", "/etc/hostname.jpg,good"),
        2,
        ("out of the data set", "hostname.jpg"),
    ),
]
RECIPES = [
    Case("no such recipe", lambda p: ["build", "nowhere.yaml"], 2, ("nowhere.yaml", "models/")),
    Case("a folder that is no run", lambda p: ["train", "."], 2, ("holds no run", "--out")),
    Case("no run to evaluate", lambda p: ["evaluate", "nowhere"], 2, ("nowhere", "holds no run")),
    Case(
        "unknown key",
        lambda p: write_recipe(p, "name: a\ntrain: {epoch: 3}\n"),
        2,
        ("train.epoch: unknown key", "did you mean train.epochs?", "recipe.yaml"),
    ),
    Case(
        "all wrong values at once",
        lambda p: write_recipe(p, "name: a\ntrain: {epochs: 0, balance: fair}\ninput: {width: x}"),
        2,
        ("3 problems", "train.epochs", "train.balance", "input.width", "recipe.yaml"),
    ),
    Case("no YAML", lambda p: write_recipe(p, "name: [a\n"), 2, ("not valid YAML", "recipe.yaml")),
    Case("a list", lambda p: write_recipe(p, "- a\n"), 2, ("not a mapping", "recipe.yaml")),
    Case("override without =", lambda p: p.set("train.epochs"), 2, ("key=value", "train.epochs")),
    Case("override of nothing", lambda p: p.set("nonsense=1"), 2, ("nonsense: unknown key",)),
    Case("override of a value", lambda p: p.set("train.epochs.x=1"), 2, ("train.epochs",)),
    Case("override of no YAML", lambda p: p.set("train.epochs=[1"), 2, ("train.epochs", "YAML")),
    Case("override out of range", lambda p: p.set("verify.max_drop=-1"), 2, ("verify.max_drop",)),
    Case(
        "required but not made",
        lambda p: p.set("verify.required=[tensorrt/fp32]"),
        2,
        ("verify.required", "tensorrt/fp32"),
    ),
    Case(
        "no such augmentation file",
        lambda p: p.train("--set", "train.augment=mine.yaml"),
        2,
        ("train.augment", "mine.yaml"),
    ),
    Case(
        "unknown augmentation",
        lambda p: p.train("--set", "train.augment=belt"),
        2,
        ("belt", "conveyor"),
    ),
    Case(
        "no general images",
        lambda p: p.set("retention.general=nowhere"),
        2,
        ("retention.general", "nowhere"),
    ),
    Case("a threshold of three", lambda p: p.set("operating.good=good"), 2, ("operating.good",)),
    Case(
        "an untrained teacher",
        lambda p: p.set("train.teacher.run=nowhere"),
        2,
        ("train.teacher.run", "nowhere"),
    ),
    Case(
        "a probe that keeps",
        lambda p: [*p.set("train.mode=probe"), "--set", "train.freeze_stages=1"],
        2,
        ("train", "no effect in mode probe"),
    ),
    Case("the run folder is a file", out_is_a_file, 2, ("taken",)),
]
NETWORKS = [
    Case(
        "unknown backbone",
        lambda p: p.train("--set", "model.backbone=mobilenet_v5"),
        2,
        ("model.backbone", "mobilenet_v5", "did you mean mobilenet_v2"),
    ),
    Case(
        "input too small",
        lambda p: p.train("--set", "input.width=8"),
        2,
        ("input", "squeezenet1_1"),
    ),
    Case(
        "no such weights",
        lambda p: p.train("--weights", "nowhere.pth"),
        2,
        ("nowhere.pth", "--weights"),
    ),
    Case(
        "no such weights, told by check",
        lambda p: p.check(p.pictures, "--weights", "nowhere.pth"),
        2,
        ("nowhere.pth", "--weights"),
    ),
    Case(
        "weights are garbage",
        lambda p: weights_file(p, b"garbage" * 100),
        2,
        ("weights.pth", "cannot be loaded safely"),
    ),
    Case("weights are empty", lambda p: weights_file(p, b""), 2, ("weights.pth",)),
    Case(
        "weights of another network",
        weights_of_another_network,
        2,
        ("do not fit squeezenet1_1", "other.pth", "model.backbone"),
    ),
]
BUNDLES = [
    *(
        Case(f"changed {name}", lambda p, n=name: p.flip_a_byte(n), 1, (name, "hash"))  # type: ignore[misc]
        for name in (
            "onnxruntime/model.fp32.onnx",
            "onnxruntime/model.int8.onnx",
            "openvino/model.fp16.bin",
            "openvino/model.int8.xml",
            "golden/000.png",
            "golden/golden.json",
            "verify.json",
            "report.html",
            "MODEL_CARD.md",
        )
    ),
    Case("changed label", lambda p: p.edit_manifest(rename_label), 1, ("labels_sha256", MANIFEST)),
    Case("changed number", lambda p: p.edit_manifest(change_temperature), 1, ("sha256", MANIFEST)),
    Case("exchanged labels", lambda p: p.edit_manifest(swap_labels), 1, ("labels_sha256",)),
    Case(
        "a path outside",
        lambda p: p.edit_manifest(name_outside),
        2,
        ("outside", "../../etc/passwd"),
    ),
    Case("a link outside", link_out_of_bundle, 2, ("outside", "report.html")),
    Case("newer format", lambda p: p.edit_manifest(raise_version), 2, ("999", "release")),
    Case("lacks a key", lambda p: p.edit_manifest(drop_a_key), 2, ("variants", MANIFEST)),
    Case("cut-off manifest", cut_off_manifest, 2, ("not valid JSON", MANIFEST)),
    Case("no network", replaced_network, 2, ("model.fp32.onnx",)),
    Case("no bundle", lambda p: ["verify", ".", "--self-test"], 2, ("No bundle is here",)),
    Case(
        "an export that was not verified",
        lambda p: ["predict", str(p.run / "export"), str(p.pictures)],
        2,
        ("has not passed the gate", "export"),
    ),
]
SOURCES = [
    Case("no such source", lambda p: predict(p, "nowhere.jpg"), 2, ("nowhere.jpg",)),
    Case("a glob of nothing", lambda p: predict(p, "*.jpg"), 2, ("No image was found", "*.jpg")),
    Case("not a picture", lambda p: predict(p, str(p.recipe)), 2, ("recipe.yaml", ".jpg")),
    Case(
        "unknown variant",
        lambda p: predict(p, str(p.pictures), "--variant", "openvino/int4"),
        2,
        ("openvino/int4", "fp32"),
    ),
    Case(
        "nowhere to write",
        lambda p: predict(p, str(p.pictures), "--out", "no/such/folder.jsonl"),
        2,
        ("no/such/folder.jsonl",),
    ),
    Case("top of none", lambda p: predict(p, str(p.pictures), "--top-k", "0"), 2, ("top-k",)),
    Case(
        "no such bundle",
        lambda p: ["benchmark", "nowhere"],
        2,
        ("nowhere", "neither a run nor a bundle"),
    ),
    Case(
        "benchmark writes nowhere",
        lambda p: [
            *("benchmark", str(p.bundle), "--variant", "onnxruntime/fp32", "--rounds", "1"),
            *("--seconds", "0.05", "--out", "no/such/folder.json"),
        ],
        2,
        ("no/such", "--out"),
    ),
    Case("unknown verb", lambda p: ["bake", "cake"], 2, ("bake",)),
    Case("unknown option", lambda p: ["doctor", "--fast"], 2, ("--fast",)),
]
CASES = [*DATA, *RECIPES, *NETWORKS, *BUNDLES, *SOURCES]
