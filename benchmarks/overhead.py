"""What ``edgefit.load(bundle)(frame)`` costs over the engine's own bare inference.

``python -m benchmarks.overhead BUNDLE --out FILE.json``. Two comparisons, interleaved in one
process, the same graph file loaded twice with the same options:

- on an array of the input's size, which needs no preprocessing: edgefit against the bare engine;
- on a camera's frame: edgefit against the shortest program that does the same, the bare engine
  called on what ``preprocess`` gives. (The sum of both timed alone is less than this: preprocessing
  reads megabytes, and the engine then finds its weights outside the cache.)
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.measuring import against, figure, time_in_turn, write_result
from edgefit.bundle import read_bundle
from edgefit.runtime.golden import golden_frames
from edgefit.runtime.images.preprocess import preprocess
from edgefit.runtime.predictor import load
from edgefit.spec import Engine, Frame, InputSpec, VariantKey

GOAL = 1.05


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--runs", type=int, default=20, help="timed calls in a turn")
    parser.add_argument("--out", type=Path, help="write the result here")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    bundle = read_bundle(options.bundle)
    frame = golden_frames(bundle)[0]
    figures = []
    for variant in bundle.manifest.variants:
        model_path = bundle.model_path(variant.key)
        bare = _bare(model_path, variant.key, bundle.input, options.threads)
        figures += _measure(options, variant.key, bundle.input, frame, bare)
    command = f"python -m benchmarks.overhead BUNDLE --threads {options.threads}"
    notes = [
        f"{options.threads} thread(s) for each engine, OpenCV on one; engines spin as by default."
    ]
    write_result(options.out, "overhead", command, figures, notes)


def _measure(
    options: argparse.Namespace,
    key: VariantKey,
    spec: InputSpec,
    frame: Frame,
    bare: Callable[[Any], Any],
) -> list[dict[str, Any]]:
    predictor = load(options.bundle, variant=str(key), threads=options.threads)
    images_NHWC = preprocess(frame, spec)[None]
    if not np.array_equal(bare(images_NHWC), predictor(frame).probabilities):
        raise SystemExit(f"{key}: the bare engine and edgefit do not answer alike")
    image = images_NHWC[0]
    samples = time_in_turn(
        {
            "bare engine, input-sized array": lambda: bare(images_NHWC),
            "edgefit, input-sized array": lambda: predictor(image),
            "preprocess alone": lambda: preprocess(frame, spec),
            "preprocess and bare engine, frame": lambda: bare(preprocess(frame, spec)[None]),
            "edgefit, frame": lambda: predictor(frame),
        },
        rounds=options.rounds,
        runs=options.runs,
    )
    parameters = {"variant": str(key), "threads": options.threads}
    figures = [
        figure(f"{key} {name}", values, parameters=parameters) for name, values in samples.items()
    ]
    bare_figure, ours_figure, preprocess_figure, chain_figure, ours_frame_figure = figures
    return [
        bare_figure,
        _held_against(ours_figure, bare_figure),
        preprocess_figure,
        chain_figure,
        _held_against(ours_frame_figure, chain_figure),
    ]


def _held_against(ours: dict[str, Any], bound: dict[str, Any]) -> dict[str, Any]:
    ours = against(ours, bound)
    return ours | {"goal": f"at most {GOAL} of the bound", "reached": ours["ratio"] <= GOAL}


def _bare(model_path: Path, key: VariantKey, spec: InputSpec, threads: int) -> Callable[[Any], Any]:
    if key.engine == Engine.ONNXRUNTIME:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        session = ort.InferenceSession(str(model_path), options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return lambda images_NHWC: session.run(None, {name: images_NHWC})[0][0]
    import openvino as ov

    core = ov.Core()
    model = core.read_model(str(model_path))
    model.reshape([1, *spec.shape_HWC])
    config = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": str(threads),
    }
    request = core.compile_model(model, "CPU", config).create_infer_request()

    def infer(images_NHWC: Any) -> Any:
        request.set_input_tensor(ov.Tensor(images_NHWC, shared_memory=True))
        request.infer()
        return request.get_output_tensor(0).data[0].copy()

    return infer


if __name__ == "__main__":
    main()
