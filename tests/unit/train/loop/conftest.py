"""Checked images of shapes, for tests that train on them."""

from __future__ import annotations

import pytest

from edgefit.data.frozen import frozen_samples
from edgefit.run import RunFolder
from edgefit.stages.check import check
from tests.shapes import draw_shapes
from tests.unit.train.loop.shapes_training import Shapes


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Shapes:
    root = draw_shapes(tmp_path_factory.mktemp("shapes") / "pictures")
    run = RunFolder(root.parent / "run")
    recipe = Shapes(root, None).recipe()  # type: ignore[arg-type]
    run.start(recipe)
    check(run)
    return Shapes(root, frozen_samples(run))
