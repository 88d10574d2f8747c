from __future__ import annotations

from edgefit.report import phases
from edgefit.report.facts import RunFacts, gather
from tests.changed import changed_facts
from tests.unit.report.finished_run import Finished, MakeRun

INTERPOLATED = "train.interpolation.points=5"


def facts_of(finished: Finished) -> RunFacts:
    return gather(finished.run, finished.manifest)


def test_every_phase_that_ran_has_a_row_with_its_own_figures(make_run: MakeRun) -> None:
    rows = phases.phase_rows(facts_of(make_run(overrides=[INTERPOLATED])))
    assert [row["name"].split(":")[0] for row in rows] == ["one", "two", "kept"]
    assert [row["metric"] for row in rows] == ["86.0 %", "92.6 %", "92.8 %"]
    assert rows[1]["time"] == "1 min 8 s"


def test_training_of_all_layers_alone_has_one_row(make_run: MakeRun) -> None:
    facts = facts_of(make_run(overrides=["train.mode=full"]))
    assert len(phases.phase_rows(facts)) == 1
    assert phases.probe(facts) is None
    assert phases.interpolation(facts) is None


def test_probe_marks_the_setting_that_was_taken(make_run: MakeRun) -> None:
    found = phases.probe(facts_of(make_run()))
    assert found is not None
    assert [row["strength"] for row in found["rows"] if row["chosen"]] == ["0.01"]
    assert "87.3 % in 5-fold" in found["result"]
    assert "86.0 % on the validation" in found["result"]
    assert found["notes"] == ("3 folds, not 5: a class has 3 groups",)


def test_probe_without_cross_validation_says_so(make_run: MakeRun) -> None:
    without = {"cross_validation": [], "folds": 0, "score": None, "nll": None}
    changes = {f"training.probe.{key}": value for key, value in without.items()}
    found = phases.probe(changed_facts(facts_of(make_run()), changes))
    assert found is not None
    assert found["rows"] == []
    assert "without cross-validation" in found["result"]


def test_rule_of_the_interpolation_is_said_in_words(make_run: MakeRun) -> None:
    general = phases.interpolation(facts_of(make_run(overrides=[INTERPOLATED])))
    assert general is not None
    assert "at most 0.2 points below the best" in general["rule"]
    assert "alpha 0.5" in general["chosen"]
    assert [row["alpha"] for row in general["rows"] if row["chosen"]] == ["0.5"]
    overrides = [INTERPOLATED, "train.interpolation.rule=best"]
    best = phases.interpolation(facts_of(make_run(overrides=overrides)))
    assert best is not None
    assert "highest" in best["rule"]


def test_gap_is_that_of_the_best_epoch(make_run: MakeRun) -> None:
    found = phases.gap(facts_of(make_run()))
    assert found is not None
    assert (found["epoch"], found["training"], found["validation"]) == (7, "97.1 %", "92.6 %")
    assert phases.gap(facts_of(make_run(overrides=["train.mode=probe"]))) is None


def test_how_small_pictures_are_enlarged_is_told(make_run: MakeRun) -> None:
    def told(*overrides: str) -> str:
        run = make_run(overrides=list(overrides))
        return dict(phases.training_rows(facts_of(run)))["smaller images"]

    assert told() == "enlarged by bilinear interpolation"
    assert told("input.enlarge=lanczos") == "enlarged by lanczos interpolation"
    otherwise = told("input.enlarge=lanczos", "train.enlarge=bilinear")
    assert otherwise == "enlarged by lanczos interpolation, in training by bilinear"


def test_remedies_and_teacher_stand_in_the_list_only_where_used(make_run: MakeRun) -> None:
    plain = dict(phases.training_rows(facts_of(make_run())))
    assert not {"against forgetting", "teacher"} & set(plain)
    overrides = [
        "train.keep.distill=2",
        "train.freeze_stages=3",
        "train.teacher={run: /home/somebody/big}",
    ]
    rows = dict(phases.training_rows(facts_of(make_run(overrides=overrides))))
    assert rows["against forgetting"].startswith("the first 3 stages frozen; keeping")
    assert rows["against forgetting"].endswith("2")
    assert rows["teacher"] == "big"
