"""Opening graphs: what runs is what was asked for, and a bad file is an error with its path."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edgefit.errors import BundleError, InputError, MissingDependencyError, StageError
from edgefit.runtime.engines import engine_is_installed, open_session
from edgefit.spec import Engine, VariantKey
from tests.tiny_models import ORT_FP32, OV_FP32, write_onnx, write_openvino


@pytest.fixture
def onnx_path(tmp_path: Path) -> Path:
    return write_onnx(tmp_path / "model.onnx")


@pytest.mark.parametrize("key", [ORT_FP32, OV_FP32], ids=str)
def test_runs_on_the_cpu_in_float32(key: VariantKey, onnx_path: Path) -> None:
    # A file of either kind opens in OpenVINO, so one graph serves both.
    facts = open_session(onnx_path, key, threads=1).describe()
    assert facts["engine"] == str(key.engine)
    assert facts["device"] in {"CPU", "CPUExecutionProvider"}
    assert facts["inference_precision"] in {"f32", "as in the graph"}
    assert facts["threads"] == "1"


def test_another_precision_than_asked_for_is_an_error(
    onnx_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ov = pytest.importorskip("openvino")
    compile_model = ov.Core.compile_model

    def compile_in_half_precision(core: object, model: object, device: str, config: dict) -> object:
        compiled = compile_model(core, model, device, config)

        class Half:
            def get_property(self, name: str) -> object:
                if name == "INFERENCE_PRECISION_HINT":
                    return ov.Type.bf16
                return compiled.get_property(name)

        return Half()

    monkeypatch.setattr(ov.Core, "compile_model", compile_in_half_precision)
    with pytest.raises(StageError, match="bf16"):
        open_session(onnx_path, OV_FP32)


@pytest.mark.parametrize("key", [ORT_FP32, OV_FP32], ids=str)
@pytest.mark.parametrize("damage", ["cut off", "text"])
def test_a_damaged_graph_is_named(key: VariantKey, damage: str, onnx_path: Path) -> None:
    path = onnx_path
    if key.engine == Engine.OPENVINO:
        path = write_openvino(onnx_path.parent / "model.xml", onnx_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage == "cut off" else b"no graph at all")
    with pytest.raises(BundleError) as caught:
        open_session(path, key)
    assert caught.value.path == str(path)
    assert caught.value.remedy


def test_an_absent_graph_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="missing"):
        open_session(tmp_path / "none.onnx", ORT_FP32)


@pytest.mark.parametrize("key", [ORT_FP32, OV_FP32], ids=str)
def test_a_graph_with_another_input_is_refused(key: VariantKey, tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 16, 16])
    answer = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3, 16, 16])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "other", [value], [answer])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path = tmp_path / "other.onnx"
    onnx.save(model, str(path))
    with pytest.raises(BundleError, match="does not have edgefit's input"):
        open_session(path, key)


@pytest.mark.parametrize("options", [{"threads": 0}, {"batch": -1}])
def test_numbers_out_of_range_are_refused(options: dict[str, int], onnx_path: Path) -> None:
    with pytest.raises(InputError, match="out of range"):
        open_session(onnx_path, ORT_FP32, **options)


def test_a_missing_engine_comes_with_its_command(
    onnx_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert engine_is_installed(Engine.ONNXRUNTIME)
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert not engine_is_installed(Engine.OPENVINO)
    with pytest.raises(MissingDependencyError, match=r'pip install "edgefit\[openvino\]"'):
        open_session(onnx_path, OV_FP32)


@pytest.mark.parametrize("key", [ORT_FP32, OV_FP32], ids=str)
def test_opening_writes_nothing(
    key: VariantKey, onnx_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(onnx_path.parent)
    open_session(onnx_path, key, batch=1)
    assert list(onnx_path.parent.iterdir()) == [onnx_path]
