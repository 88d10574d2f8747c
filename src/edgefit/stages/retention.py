"""The stage ``retention``: general knowledge of the backbone before and after fine-tuning.

A backbone that was trained on a million pictures of everything knows more than the task asks for,
and what it knows beyond the task is what makes it robust, and what the next task will start from.
Here two probes measure it on general images that training never saw.
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

from edgefit.data.general import read_general
from edgefit.evaluate.retention import PROBES, _compare, _notes, _source_fingerprint
from edgefit.progress import QUIET, Reporter
from edgefit.run import RunFolder
from edgefit.train.assembly import build_network, input_spec, load_trained
from edgefit.train.features.cache import FeatureCache

STAGE = "retention"
RESULTS = "retention.json"


def retention(
    run: RunFolder, reporter: Reporter = QUIET, *, cache: FeatureCache | None = None
) -> dict[str, Any]:
    """Measure what the backbone knows of general images, as it started and as it ended.

    Requires the stage ``train`` and ``retention.general`` in the recipe. Ensures
    ``retention/retention.json``.

    Args:
        run: The run.
        reporter: Where progress goes.
        cache: Where features are kept; a folder beside the result by default. Runs that start
            from the same weights share the features of the start if they share the cache.

    Returns:
        What ``retention.json`` holds: for ``neighbours`` and ``linear`` the accuracy ``before`` and
        ``after`` and the share ``kept`` (after / before, paired), each with its interval.

    Raises:
        RecipeError: The recipe names no general images.
        DataError: The general images cannot be used.
        RunError: ``train`` has not ended here.
    """
    recipe = run.recipe()
    source = _source_fingerprint(recipe)
    run.require("train")
    if run.is_done(STAGE, recipe):
        known = run.read_json(STAGE, RESULTS)
        if known["source_fingerprint"] == source:
            reporter.say("[dim]retention: already done with these inputs[/]")
            return known
    run.begin(STAGE, recipe)
    assert recipe.retention.general is not None
    started = time.monotonic()
    spec = input_spec(recipe)
    general = read_general(recipe.retention.general, recipe.retention, spec, reporter=reporter)
    cache = cache or FeatureCache(run.stage_dir(STAGE) / "features")
    start, _, weights = build_network(recipe, run.labels())
    results = {
        "general": general.to_dict(),
        "images": len(general.probe),
        "classes": general.classes,
        "k": recipe.retention.neighbours,
        "confidence": recipe.evaluate.confidence,
        **_compare(start, load_trained(run), general, recipe, cache, reporter),
        "notes": _notes(general, weights.source),
        "seconds": round(time.monotonic() - started, 1),
        "source_fingerprint": source,
    }
    run.write_json(STAGE, RESULTS, results)
    lasting = {name: results[name] for name in PROBES}
    outputs = hashlib.sha256(json.dumps(lasting, sort_keys=True).encode()).hexdigest()
    run.mark_done(STAGE, recipe, outputs)
    return results
