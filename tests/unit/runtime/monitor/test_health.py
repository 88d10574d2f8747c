from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from edgefit.errors import InputError, StageError
from edgefit.runtime.monitor.figures import Figures
from edgefit.runtime.monitor.health import Health, HealthFile, Pulse, health_of
from edgefit.runtime.monitor.systemd import Systemd
from edgefit.runtime.sources import FrameSource
from tests.unit.runtime.monitor.running import Clock, Stood, Waits, answer, camera
from tests.unit.runtime.monitor.test_systemd import environment, listening
from tests.unit.runtime.sources.given import Given


def after(seconds: float, source: FrameSource, *, ready: int = 0, under_way: int = 0) -> Health:
    clock = Clock()
    running = Stood(source)
    running.under_way = under_way
    running.feeds[0]._waiting.extend([lambda: None] * ready)  # type: ignore[list-item]
    figures = Figures(running, clock=clock)
    figures.take(answer("good", source=source.name))
    clock.now += seconds
    return health_of(figures.read(), limit_s=30)


def test_answers_that_come_are_healthy() -> None:
    assert after(29, camera(), ready=1, under_way=1) is Health.WELL


def test_a_camera_without_frames_is_silent() -> None:
    assert after(31, camera()) is Health.SILENT


def test_a_folder_without_new_files_is_healthy_for_ever() -> None:
    assert after(1e6, Waits()) is Health.WELL


@pytest.mark.parametrize(("ready", "under_way"), [(1, 0), (0, 1)])
@pytest.mark.parametrize("source", [camera(), Waits(), Given()], ids=["camera", "inbox", "files"])
def test_frames_without_answers_are_stuck(source: FrameSource, ready: int, under_way: int) -> None:
    assert after(31, source, ready=ready, under_way=under_way) is Health.STUCK


def test_files_that_cannot_be_read_on_are_stuck() -> None:
    assert after(31, Given()) is Health.STUCK


def test_a_source_that_ended_is_healthy_and_a_lost_one_is_not() -> None:
    clock = Clock()
    running = Stood(Given(name="files"), camera())
    figures = Figures(running, clock=clock)
    running.feeds[0].ended = True
    clock.now += 100
    figures.take(answer("good", source="camera:0"))
    assert health_of(figures.read()) is Health.WELL
    running.feeds[1].lost, running.feeds[1].ended = StageError("gone"), True
    assert health_of(figures.read()) is Health.SILENT


def test_the_file_holds_one_line_of_json(tmp_path: Path) -> None:
    clock = Clock()
    figures = Figures(Stood(camera()), clock=clock)
    file = HealthFile(tmp_path / "health.json", pytest.fail)
    file.begin(figures.read())
    assert json.loads((tmp_path / "health.json").read_text())["last_frame_age_s"] is None
    figures.take(answer("good"))
    clock.now += 1.5
    file.touch(figures.read())
    (line,) = (tmp_path / "health.json").read_text().splitlines()
    facts = json.loads(line)
    assert (facts["frames"], facts["last_frame_age_s"]) == (1, 1.5)
    assert datetime.fromisoformat(facts["time"]).tzinfo is not None
    assert [path.name for path in tmp_path.iterdir()] == ["health.json"]
    HealthFile(tmp_path / "health.json", pytest.fail)  # the next run takes it over


def test_a_file_of_the_user_is_not_replaced(tmp_path: Path) -> None:
    for name, text in (("image.jpg", b"\xff\xd8"), ("recipe.json", b"{}"), ("list.json", b"[1]")):
        (tmp_path / name).write_bytes(text)
        with pytest.raises(InputError, match="left alone"):
            HealthFile(tmp_path / name, pytest.fail)
        assert (tmp_path / name).read_bytes() == text
    with pytest.raises(InputError, match="left alone"):
        HealthFile(tmp_path, pytest.fail)


def test_a_folder_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    file = HealthFile(tmp_path / "none" / "health.json", pytest.fail)
    with pytest.raises(InputError, match="cannot be written"):
        file.begin(Figures(Stood(camera())).read())


def test_a_file_that_cannot_be_written_any_more_is_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    file = HealthFile(tmp_path / "none" / "health.json", told.append)
    now = Figures(Stood(camera())).read()
    for _ in range(3):
        file.touch(now)
    assert len(told) == 1 and "cannot be written" in told[0]


def test_the_pulse_stops_with_the_answers_and_systemd_bears_a_silent_camera(
    tmp_path: Path,
) -> None:
    clock, path = Clock(), tmp_path / "health.json"
    running = Stood(camera())
    figures = Figures(running, clock=clock)
    with listening(str(tmp_path / "notify")) as listener:
        listener.setblocking(False)

        def pulse() -> tuple[bool, bytes]:
            path.unlink(missing_ok=True)
            systemd = Systemd(environment(str(tmp_path / "notify"), WATCHDOG_USEC="1000000"))
            Pulse(figures.read, HealthFile(path, pytest.fail), systemd)()
            told = b""
            while b"STATUS" not in told:
                told += listener.recv(4096)
            return path.exists(), told

        touched, told = pulse()
        assert touched and told.startswith(b"WATCHDOG=1")
        clock.now += 31
        touched, told = pulse()
        assert not touched and told.startswith(b"WATCHDOG=1") and b"from camera:0" in told
        running.under_way = 1
        touched, told = pulse()
        assert not touched and b"WATCHDOG" not in told and b"no answer for 31 s" in told
