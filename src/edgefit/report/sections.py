"""What each section of the page and of the card shows, as rows of plain values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from edgefit.records.evaluate import ClassFigures
from edgefit.report.facts import RunFacts
from edgefit.report.row import Row
from edgefit.report.words import (
    METRICS,
    Entry,
    between,
    metric_title,
    milliseconds,
    parts,
    percent,
    points,
    shortened,
    size,
    with_interval,
)
from edgefit.spec.weights import WeightsSource
from edgefit.wording import counted

_MOST_CONFUSIONS = 12
_MOST_PATHS = 8
_MOST_UNREADABLE = 40
_TRAINED = "the trained network"


def headline(facts: RunFacts) -> Row:
    """What the model does and how well, in sentences for someone who reads nothing else."""
    best = facts.recommended
    entry = best.metrics[facts.metric]
    images, groups = facts.evaluation.images, facts.evaluation.groups
    basis = counted(images, "held-out image")
    if groups != images:
        basis += f" ({counted(groups, 'independent group')})"
    return {
        "name": facts.manifest.name,
        "description": facts.recipe.description,
        "variant": str(best.key),
        "recommended": bool(facts.manifest.recommended),
        "reason": facts.benchmark.recommendation.reason,
        "metric": metric_title(facts.metric),
        "value": with_interval(entry).split(" (")[0],
        "interval": _interval_in_words(entry, facts.confidence),
        "basis": basis,
        **_speed_of(facts, str(best.key)),
        "machine": facts.benchmark.machine.cpu_model or "an unknown machine",
        "size": size(best.size),
        "worst": _worst_in_head(facts, str(best.key)),
        "passed": len(facts.verification.passed),
        "variants": len(facts.verification.variants),
    }


def _worst_in_head(facts: RunFacts, variant: str) -> Row | None:
    """Worst class and worst group, which the mean hides; None if there are no classes."""
    entry = facts.verification.verdict(variant)
    whose, worst, group = _TRAINED, facts.evaluation.worst_class, facts.evaluation.worst_group
    if entry is not None and entry.worst_class is not None:
        whose, worst, group = variant, entry.worst_class, entry.worst_group
    if worst is None:
        return None
    return {
        "whose": whose,
        "label": shortened(worst.label, 40),
        "value": percent(worst.recall.value),
        "interval": _interval_in_words(worst.recall, facts.confidence),
        "images": counted(worst.support, "image"),
        "group": group
        and {
            "column": group.column,
            "value": shortened(group.value, 40),
            "accuracy": percent(group.accuracy.value),
            "interval": _interval_in_words(group.accuracy, facts.confidence),
            "images": counted(group.images, "image"),
        },
    }


def _interval_in_words(entry: Entry, confidence: str) -> str:
    if parts(entry)[0] is None:
        return "It is not defined on these images."
    return f"With {confidence} confidence, {between(entry)}."


def _speed_of(facts: RunFacts, variant: str) -> Row:
    measured = facts.measured(variant)
    return {
        "latency": milliseconds(measured.latency_ms.p50 if measured else None),
        "preprocess": milliseconds(measured.preprocess_ms if measured else None),
    }


def data_table(facts: RunFacts) -> Row:
    """Images (and groups, where they are not the same) per class and split."""
    images = facts.check.images_by_split_and_class
    groups = facts.check.groups_by_split_and_class
    splits = list(images)
    rows = [
        {
            "label": label,
            "images": [images[s][label] for s in splits],
            "groups": [groups[s][label] for s in splits],
        }
        for label in facts.labels
    ]
    return {
        "splits": [{"train": "training", "val": "validation"}.get(s, s) for s in splits],
        "rows": rows,
        "totals": [sum(images[s].values()) for s in splits],
        "images": facts.check.images,
        "groups": facts.check.groups,
        "grouped": facts.check.groups != facts.check.images,
        "width": facts.check.width,
        "height": facts.check.height,
        "grey": facts.check.grey,
        "near_black": facts.check.near_black,
    }


def findings(facts: RunFacts) -> list[Row]:
    """Findings of the data check, gravest first, each with a few of the affected images."""
    return [
        {
            "level": finding.level,
            "code": finding.code,
            "message": finding.message,
            "paths": finding.paths[:_MOST_PATHS],
            "more": max(0, len(finding.paths) - _MOST_PATHS),
        }
        for finding in facts.check.findings
        if finding.code != "unreadable"
    ]


def unreadable(facts: RunFacts) -> Row:
    """Images that were left out, with the reason for each."""
    files = facts.check.unreadable
    return {
        "count": len(files),
        "rows": list(files.items())[:_MOST_UNREADABLE],
        "more": max(0, len(files) - _MOST_UNREADABLE),
    }


def metric_rows(facts: RunFacts) -> list[Row]:
    """Every metric of the trained network and of the recommended variant, with intervals."""
    recommended = facts.recommended.metrics
    return [
        {
            "title": metric_title(name),
            "meaning": METRICS[name][1] if name in METRICS else "",
            "trained": with_interval(entry),
            "variant": with_interval(recommended[name]) if name in recommended else "",
        }
        for name, entry in facts.evaluation.metrics.items()
    ]


def class_rows(facts: RunFacts) -> list[Row]:
    """Results of the trained network per class, the worst first."""
    confusion = np.asarray(facts.evaluation.confusion)
    rows = []
    for index, entry in enumerate(facts.evaluation.per_class):
        mistaken = confusion[index].copy()
        mistaken[index] = 0
        taken_for = ""
        if mistaken.any():
            other = int(mistaken.argmax())
            taken_for = f"{facts.labels[other]} ({mistaken[other]})"
        rows.append(
            {
                "label": entry.label,
                "support": entry.support,
                "recall": with_interval(entry.recall),
                "precision": with_interval(entry.precision),
                "f1": with_interval(entry.f1),
                "entry": entry.recall,
                "taken_for": taken_for,
            }
        )
    return sorted(rows, key=_worst_first)


def _worst_first(row: Row) -> tuple[bool, float, str]:
    value = row["entry"].value
    return (value is None, value or 0.0, row["label"])


def confusions(facts: RunFacts) -> list[Row]:
    """The most frequent pairs of truth and wrong answer."""
    counts = np.asarray(facts.evaluation.confusion)
    pairs: list[Row] = [
        {"truth": facts.labels[t], "answer": facts.labels[a], "count": int(counts[t, a])}
        for t, a in np.argwhere(counts > 0).tolist()
        if t != a
    ]
    return sorted(pairs, key=lambda pair: -pair["count"])[:_MOST_CONFUSIONS]


def breakdowns(facts: RunFacts) -> list[Row]:
    """Results by the columns that the recipe asked for, the worst value first."""
    tables = []
    for column, values in facts.evaluation.by.items():
        rows: list[Row] = [
            {"value": value, "images": found.images, "entry": entry, "text": with_interval(entry)}
            for value, found in values.items()
            if (entry := found.metrics.get(facts.metric)) is not None
        ]
        rows.sort(key=lambda row: (row["entry"].value is None, row["entry"].value or 0.0))
        tables.append({"column": column, "rows": rows})
    return tables


def gate_rows(facts: RunFacts) -> list[Row]:
    """What the gate measured per variant; of several batch sizes the worst figure."""
    rows = []
    for entry in facts.verification.variants:
        batches = [batch for batch in entry.batches.values() if batch.finite]
        worst = max(batches, key=lambda b: -1.0 if b.drop is None else b.drop, default=None)
        metric = entry.metrics.get(facts.metric)
        rows.append(
            {
                "variant": entry.variant,
                "passed": entry.passed,
                "reasons": entry.reasons,
                "warnings": entry.warnings,
                "difference": max((b.max_abs_difference or 0.0 for b in batches), default=None),
                "flips": max((b.top1_flips or 0 for b in batches), default=None),
                "drop": points(worst.drop, worst.drop_low, worst.drop_high)
                if worst
                else points(None),
                "metric": with_interval(metric) if metric else "",
                "worst_class": _worst_class_in_words(entry.worst_class),
            }
        )
    return rows


def _worst_class_in_words(entry: ClassFigures | None) -> str:
    return "" if entry is None else f"{entry.label}: {percent(entry.recall.value)}"


def variant_rows(facts: RunFacts) -> list[Row]:
    """Size and speed of every variant in the bundle, the fastest first."""
    rows = []
    for variant in facts.manifest.variants:
        name = str(variant.key)
        measured = facts.measured(name)
        latency = measured.latency_ms if measured else None
        rows.append(
            {
                "name": name,
                "recommended": name == facts.manifest.recommended.get("default"),
                "bytes": variant.size,
                "size": size(variant.size),
                "p50": latency and latency.p50,
                "p90": latency and latency.p90,
                "p99": latency and latency.p99,
                "throughput": measured and measured.throughput["batch1"],
                "load": milliseconds(measured.load_ms if measured else None),
                "first": milliseconds(measured.first_inference_ms if measured else None),
                "memory": measured and measured.peak_memory_mb,
                "spread": percent(measured.latency_spread, 0) if measured else None,
                "metric": with_interval(variant.metrics[facts.metric]),
            }
        )
    return sorted(rows, key=lambda row: (row["p50"] is None, row["p50"] or 0.0))


def lineage(facts: RunFacts) -> list[tuple[str, list[tuple[str, str]]]]:
    """Hashes, seeds, versions and the machine: titled lists of pairs."""
    known = facts.manifest.lineage
    origin = [
        ("data fingerprint", known["data_fingerprint"]),
        ("class list (sha256)", facts.manifest.labels_sha256),
        ("base weights", PurePath(known["weights"]["source"]).name),
        ("base weights (sha256)", known["weights"]["sha256"] or "none"),
        ("training seed", known["seed"]),
        ("split seed", facts.recipe.data.split.seed),
    ]
    files = [(f.path, f.sha256) for v in facts.manifest.variants for f in v.files]
    return [
        ("Origin", [(key, str(value)) for key, value in origin]),
        ("Model files (sha256)", files),
        ("Versions", [(key, str(value)) for key, value in known["versions"].items()]),
        ("Machine of the benchmark", list(_flat(facts.benchmark.machine.to_json()).items())),
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested values as one list of pairs; unknown values are left out."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key} ")
        elif isinstance(value, list):
            flat[prefix + key] = " ".join(str(item) for item in value)
        elif value is not None:
            flat[prefix + key] = str(value)
    return {key.replace("_", " "): value for key, value in flat.items()}


def licence(facts: RunFacts) -> list[str]:
    """Terms that come with the backbone, in sentences."""
    terms = facts.card.licence
    source = WeightsSource(facts.training.weights.source)
    code = f"The code of {facts.card.title} is under {terms.code}."
    if source.is_random:
        return [code, "Training began from random weights, so no terms of base weights apply."]
    official = f"Terms of the official weights: {terms.weights}. {terms.note}"
    if source.is_imagenet:
        return [code, f"Base weights: {terms.source_url}.", official]
    return [
        code,
        f"The base weights came from the file {PurePath(source.text).name}. Its own terms apply; "
        "whoever supplied it has to settle them.",
        official,
    ]
