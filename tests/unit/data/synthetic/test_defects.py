"""What each fault does to a part."""

from __future__ import annotations

import numpy as np
import pytest

from edgefit.data.synthetic.dataset import CLASSES, draw_surface


@pytest.mark.parametrize("label", CLASSES[1:])
def test_a_fault_changes_the_part_and_only_its_metal(label: str) -> None:
    seen = 0
    for part in range(6):
        sound = draw_surface(0, part, "good", 160)
        faulty = draw_surface(0, part, label, 160)
        np.testing.assert_array_equal(sound.cover_HW, faulty.cover_HW)
        metal = sound.cover_HW > 0.5
        colour = np.abs(faulty.albedo_HWC - sound.albedo_HWC).max(axis=2)
        relief = np.abs(faulty.height_HW - sound.height_HW)
        changed = ((colour > 0.02) | (relief > 0.2)) & metal
        assert 0 < changed.sum() < 0.6 * metal.sum()
        assert faulty.albedo_HWC.dtype == faulty.height_HW.dtype == np.float32
        assert np.isfinite(faulty.height_HW).all()
        assert faulty.albedo_HWC.min() >= 0
        seen += int(changed.sum() > 0.003 * metal.sum())
    assert seen >= 4, "nearly all faults must be large enough to see"


def test_a_stain_leaves_the_shape_alone() -> None:
    sound, stained = (draw_surface(0, 2, label, 160) for label in ("good", "stain"))
    np.testing.assert_array_equal(sound.height_HW, stained.height_HW)
