"""``probabilities.npz``: what the network answered, as later stages read it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from edgefit.errors import RunError
from edgefit.evaluate.saved import OutOfDomain, SavedOutputs, saved_path


class TestSavedOutputs:
    OUTPUTS: ClassVar = {
        "probabilities": np.full((3, 2), 0.5, np.float32),
        "logits": np.zeros((3, 2), np.float32),
    }

    def test_they_come_back(self, tmp_path: Path) -> None:
        others = OutOfDomain(("a/1.png",), np.array([0.7], np.float32))
        SavedOutputs(self.OUTPUTS, np.array([0.1, 0.2, 0.3], np.float32), others).write(tmp_path)
        found = SavedOutputs.read(tmp_path, images=3)
        assert list(found.outputs) == ["probabilities", "logits"]
        assert found.outputs["logits"].dtype == np.float32
        assert found.novelty_N is not None and found.novelty_N.shape == (3,)
        assert found.out_of_domain is not None
        assert found.out_of_domain.paths == ("a/1.png",)

    def test_a_file_of_an_earlier_release_has_no_logits(self, tmp_path: Path) -> None:
        saved_path(tmp_path).parent.mkdir()
        np.savez(
            saved_path(tmp_path),
            probabilities=self.OUTPUTS["probabilities"],
            elsewhere_novelty=np.array([0.7], np.float32),
            elsewhere_paths=np.array(["a/1.png"]),
        )
        found = SavedOutputs.read(tmp_path, images=3)
        assert list(found.outputs) == ["probabilities"]
        assert found.out_of_domain is not None and found.out_of_domain.paths == ("a/1.png",)

    def test_another_table_and_an_absent_file_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(RunError, match="has not written this file"):
            SavedOutputs.read(tmp_path)
        SavedOutputs(self.OUTPUTS).write(tmp_path)
        with pytest.raises(RunError, match="another table"):
            SavedOutputs.read(tmp_path, images=4)
