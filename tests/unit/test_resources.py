from __future__ import annotations

from pathlib import Path

import pytest

from edgefit import resources
from edgefit.errors import InputError


def test_finds_what_ships() -> None:
    assert (resources.resource("models", "backbones") / "resnet18" / "card.yaml").is_file()
    assert resources.resource("export", "device-kit", "install-offline.sh").is_file()


def test_the_wheels_copy_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for root in ("installed", "checkout"):
        (tmp_path / root / "models").mkdir(parents=True)
    (tmp_path / "checkout" / "models" / "only-here").touch()
    monkeypatch.setattr(resources, "_INSTALLED", tmp_path / "installed")
    monkeypatch.setattr(resources, "_CHECKOUT", tmp_path / "checkout")
    assert resources.resource("models") == tmp_path / "installed" / "models"
    assert resources.resource("models", "only-here").parent == tmp_path / "checkout" / "models"


def test_what_does_not_ship_is_an_error_that_names_it() -> None:
    with pytest.raises(InputError) as caught:
        resources.resource("models", "unobtainium")
    assert caught.value.path == "models/unobtainium"
