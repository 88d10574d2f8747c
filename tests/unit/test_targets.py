from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from edgefit.bench.machine import machine_fingerprint
from edgefit.errors import InputError
from edgefit.resources import resource
from edgefit.spec import Engine
from edgefit.targets import _read_target, list_targets, load_target

ALL = ["generic-x86", "intel-core", "intel-n100", "jetson-orin-cpu", "raspberry-pi-5"]


def test_every_file_is_a_target() -> None:
    assert list_targets() == ALL
    assert len(list(resource("export", "targets").iterdir())) == 5


@pytest.mark.parametrize("name", ALL)
def test_target_loads_and_agrees_with_itself(name: str) -> None:
    target = load_target(name)
    assert target.id == name
    assert Engine.ONNXRUNTIME in target.engines, "the base install must do"
    assert all(tag.endswith(target.architecture) for tag in target.wheel_platforms)
    vnni = {"avx_vnni", "avx512_vnni"}
    known = vnni if target.architecture == "x86_64" else {"asimddp"}
    assert set(target.int8.cpu_features) <= known


def test_unknown_target_lists_all_and_suggests_without_using() -> None:
    with pytest.raises(InputError) as caught:
        load_target("raspberry-pi5")
    assert all(name in str(caught.value.expected) for name in ALL)
    assert "raspberry-pi-5" in str(caught.value.remedy)
    with pytest.raises(InputError):
        load_target("../targets/intel-n100")


@pytest.mark.parametrize(
    "changes",
    [{"colour": "blue"}, {"threads": 0}, {"engines": ["tensorrt"]}, {"architecture": "riscv64"}],
)
def test_invalid_target_is_an_error_that_names_the_file(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    text = resource("export", "targets", "intel-n100.yaml").read_text(encoding="utf-8")
    path = tmp_path / "intel-n100.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(text) | changes), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        _read_target(path)
    assert caught.value.path == str(path)


def test_target_under_a_foreign_name_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    path.write_bytes(resource("export", "targets", "intel-n100.yaml").read_bytes())
    with pytest.raises(InputError) as caught:
        _read_target(path)
    assert caught.value.key == "id"


def test_a_machine_unlike_the_target_is_told_apart() -> None:
    machine = machine_fingerprint()
    n100 = load_target("intel-n100")
    alike = {"architecture": "x86_64", "flags": ["avx2", "avx_vnni"]}
    assert n100.differences(machine.model_copy(update=alike)) == []
    plain = machine.model_copy(update=alike | {"flags": ["avx2"]})
    (difference,) = n100.differences(plain)
    assert "none of avx_vnni" in difference
    arm = machine.model_copy(update={"architecture": "aarch64", "flags": ["asimddp"]})
    assert "aarch64" in n100.differences(arm)[0]
    assert load_target("raspberry-pi-5").differences(arm) == []


@pytest.mark.parametrize(
    ("name", "target", "flags"),
    [
        ("AMD64", "intel-n100", ["avx_vnni"]),
        ("arm64", "raspberry-pi-5", ["asimddp"]),
        ("ARM64", "raspberry-pi-5", ["asimddp"]),
    ],
)
def test_another_system_may_name_the_same_architecture_differently(
    name: str, target: str, flags: list[str]
) -> None:
    machine = machine_fingerprint().model_copy(update={"architecture": name, "flags": flags})
    assert load_target(target).differences(machine) == []


def test_instructions_that_the_system_does_not_report_are_unknown() -> None:
    silent = machine_fingerprint().model_copy(update={"architecture": "AMD64", "flags": None})
    (difference,) = load_target("intel-n100").differences(silent)
    assert "unknown whether it has avx_vnni" in difference
    assert load_target("generic-x86").differences(silent) == []
