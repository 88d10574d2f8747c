"""The stage ``export``: a draft bundle, one file for each engine and precision asked for."""

from __future__ import annotations

import numpy as np
import pytest

from edgefit.bundle import read_bundle
from edgefit.data.frozen import frozen_samples
from edgefit.errors import BundleError, RunError
from edgefit.operating.chosen import chosen_rule, read_references
from edgefit.records.check import CheckRecord
from edgefit.run import RunFolder
from edgefit.runtime.golden import golden_frames, golden_of
from edgefit.runtime.selftest import self_test
from edgefit.runtime.tasks import TASKS
from edgefit.spec import VariantKey
from edgefit.stages.export import export
from tests.stamps import is_done
from tests.trained_run import again

KEYS = [VariantKey.parse(name) for name in ("onnxruntime/fp32", "openvino/fp32")]


def test_it_needs_the_operating_point(run: RunFolder) -> None:
    with pytest.raises(RunError, match="`calibrate` has not finished"):
        export(run)
    assert not (run.root / "export").exists()


@pytest.mark.slow
def test_a_draft_holds_what_was_asked_for_and_nothing_else(drafted: RunFolder) -> None:
    folder = drafted.root / "export"
    bundle = read_bundle(folder, allow_draft=True)
    assert [variant.key for variant in bundle.manifest.variants] == KEYS
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    listed = {f.path for v in bundle.manifest.variants for f in v.files}
    listed |= {f.path for f in bundle.manifest.files}
    assert files == {*listed, "manifest.json"}
    assert bundle.manifest.status == "draft"
    with pytest.raises(BundleError):
        read_bundle(folder)


@pytest.mark.slow
def test_the_summary_states_sizes(drafted: RunFolder) -> None:
    record = export(drafted)  # done already: read back
    assert [entry.variant for entry in record.variants] == [str(key) for key in KEYS]
    bundle = read_bundle(drafted.root / "export", allow_draft=True)
    for entry, variant in zip(record.variants, bundle.manifest.variants, strict=True):
        sizes = [(bundle.root / f.path).stat().st_size for f in variant.files]
        assert entry.bytes == sum(sizes)
        assert entry.quantization == {}


@pytest.mark.slow
def test_the_rule_and_its_references_go_with_it(drafted: RunFolder) -> None:
    bundle = read_bundle(drafted.root / "export", allow_draft=True)
    assert bundle.operating == chosen_rule(drafted)
    found = TASKS[bundle.manifest.task].references(bundle)
    expected = read_references(drafted)
    assert found.keys() == expected.keys() == {"prototypes"}
    np.testing.assert_array_equal(found["prototypes"], expected["prototypes"])


@pytest.mark.slow
def test_golden_frames_are_held_out_images_of_every_class(drafted: RunFolder) -> None:
    bundle = read_bundle(drafted.root / "export", allow_draft=True)
    golden = golden_of(bundle)
    assert len(golden_frames(bundle)) == 4
    held_out = {sample.path for sample in frozen_samples(drafted).of("test").samples}
    assert {frame.name for frame in golden.frames} <= held_out
    classes = [bundle.labels.names[frame.target or 0] for frame in golden.frames]
    assert sorted(classes) == ["good", "good", "hole", "hole"]
    result = self_test(bundle)
    assert result.passed and result.frames == 4
    assert set(result.variants) == {str(key) for key in KEYS}


@pytest.mark.slow
def test_where_it_came_from_is_stated(drafted: RunFolder) -> None:
    lineage = read_bundle(drafted.root / "export", allow_draft=True).manifest.lineage
    checked = CheckRecord.read(drafted.root)
    assert checked.fingerprint in str(lineage)
    assert str(drafted.root) not in str(lineage), "no path of the workshop"


@pytest.mark.slow
def test_other_precisions_are_another_draft(draft: RunFolder) -> None:
    assert is_done(draft, "export")
    again(draft, ["export.precisions=[fp16]"])
    assert not is_done(draft, "export")
