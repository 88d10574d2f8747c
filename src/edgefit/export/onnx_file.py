"""ONNX files: a single file per model, with a free batch size and embedded metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from edgefit.export.metadata import ModelMetadata
from edgefit.export.program import INPUT_NAME, output_names

_SMALLEST_HALVED = 256
"""Smaller tensors stay fp32: they need little space and hold shapes, means and scales."""


def write_onnx(program: Any, target: Path, metadata: ModelMetadata, *, opset: int) -> None:
    """Write an exported program as fp32 ONNX.

    Args:
        program: From :func:`edgefit.export.program.capture`.
        target: The ``.onnx`` file to write; its folder exists.
        metadata: What the file says about itself.
        opset: ONNX operator set, 18 or later.
    """
    onnx_program = torch.onnx.export(
        program,
        dynamo=True,
        opset_version=opset,
        input_names=[INPUT_NAME],
        output_names=output_names(program, metadata.task),
        external_data=False,
        verbose=False,
    )
    assert onnx_program is not None
    model = onnx_program.model_proto
    _drop_traces(model)
    _name_the_batch(model)
    save_onnx(model, target, metadata)


def save_onnx(model: onnx.ModelProto, target: Path, metadata: ModelMetadata) -> None:
    """Embed the metadata, check the model in full and write it as one file."""
    del model.metadata_props[:]
    helper.set_model_props(model, metadata.for_onnx())
    model.producer_name = "edgefit"
    onnx.checker.check_model(model, full_check=True)
    onnx.save_model(model, target)


def halve_weights(source: Path, target: Path, metadata: ModelMetadata) -> None:
    """Store the weights of an fp32 file in half precision; casts restore them where they are used.

    onnxruntime folds the casts when it loads the file, so latency is that of fp32 and the file is
    half as large. Numbers outside the range of half precision are clipped to its bounds.
    """
    model = onnx.load(source)
    limit = float(np.finfo(np.float16).max)
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < _SMALLEST_HALVED:
            continue
        half = np.clip(values, -limit, limit).astype(np.float16)
        full_name, half_name = tensor.name, f"{tensor.name}.fp16"
        tensor.CopyFrom(numpy_helper.from_array(half, half_name))
        casts.append(helper.make_node("Cast", [half_name], [full_name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    save_onnx(model, target, metadata)


def _drop_traces(model: onnx.ModelProto) -> None:
    """Remove the source lines of the exporting machine, which the exporter notes in every node."""
    del model.graph.metadata_props[:]
    for item in [*model.graph.node, *model.graph.value_info, *model.graph.initializer]:
        del item.metadata_props[:]
    for value in [*model.graph.input, *model.graph.output]:
        del value.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""


def _name_the_batch(model: onnx.ModelProto) -> None:
    del model.graph.value_info[:]
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
