"""What users may rely on, written down twice so that a change is a decision."""

from __future__ import annotations

import inspect

import edgefit

INVENTORY = {
    "BuildResult": "class",
    "Bundle": "class",
    "ClassPrediction": "class",
    "EdgefitError": "class",
    "InputSpec": "class",
    "LabelMap": "class",
    "Prediction": "class",
    "Predictor": "class",
    "Recipe": "class",
    "__version__": "str",
    "build": "(recipe: 'str | Path | Recipe', *, data: 'str | Path | None' = None, "
    "weights: 'str | None' = None, out: 'str | Path | None' = None, "
    "overrides: 'Sequence[str]' = (), reporter: 'Reporter | None' = None) -> 'BuildResult'",
    "load": "(bundle: 'str | Path', *, variant: 'str | None' = None, "
    "threads: 'int | None' = None, parallel: 'int' = 1) -> 'Predictor'",
    "load_recipe": "(path: 'str | Path', overrides: 'Sequence[str]' = ()) -> 'Recipe'",
    "read_bundle": "(path: 'str | Path') -> 'Bundle'",
    "stream": "(bundle: 'str | Path | Predictor', source: 'object', "
    "sinks: 'Sequence[Sink]' = (), *, variant: 'str | None' = None, policy: 'str | None' = None, "
    "workers: 'int | None' = None, threads: 'int | None' = None, "
    "options: 'SourceOptions | None' = None) -> 'Stream'",
}


def _kind(item: object) -> str:
    if inspect.isclass(item):
        return "class"
    return str(inspect.signature(item)) if callable(item) else type(item).__name__


def test_the_public_surface_is_the_inventory() -> None:
    found = {name: _kind(getattr(edgefit, name)) for name in edgefit.__all__}
    assert found == INVENTORY


def test_public_functions_say_what_they_raise() -> None:
    for function in (edgefit.build, edgefit.load, edgefit.load_recipe, edgefit.read_bundle):
        assert "Raises:" in (function.__doc__ or "")
