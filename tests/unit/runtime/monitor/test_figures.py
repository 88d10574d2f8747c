from __future__ import annotations

import threading

from edgefit.runtime.monitor.figures import LAST, OTHERS, Figures
from edgefit.runtime.stream import Stream
from edgefit.spec import Prediction
from tests.unit.runtime.monitor.running import ORIGIN, Clock, Stood, Waits, answer, camera
from tests.unit.runtime.sources.given import Given
from tests.unit.runtime.test_stream import grey


def test_each_source_has_its_own_figures() -> None:
    clock = Clock()
    figures = Figures(Stood(camera(), Waits(name="inbox")), clock=clock)
    figures.take(answer("good", source="camera:0", took=0.1))
    clock.now += 5
    figures.take(answer(None, source="inbox", took=0.2))
    clock.now += 1
    now = figures.read()
    line, inbox = now.sources
    assert (line.answered, line.errors, inbox.answered, inbox.errors) == (1, 0, 0, 1)
    assert (line.since_s, inbox.since_s, now.since_s) == (6, 1, 1)
    assert (line.live, line.waits, inbox.live, inbox.waits) == (True, False, False, True)
    assert line.took is not None and (line.took.p50, line.took.p99) == (0.1, 0.1)
    assert line.age is not None and line.age.p50 == 0.2
    assert (now.frames, now.origin) == (2, ORIGIN)


def test_an_answer_that_names_no_source_is_of_the_only_one() -> None:
    figures = Figures(Stood(Given(name="folder")))
    figures.take(answer("good"))
    assert figures.read().sources[0].answered == 1


def test_the_yield_is_known_where_the_rule_names_good_parts() -> None:
    figures = Figures(Stood(Given()), good="good")
    assert figures.read().good_share is None
    for decision in ("good", "good", "unsure", "hole", None):
        figures.take(answer(decision))
    assert figures.read().good_share == 0.5
    assert Figures(Stood(Given())).read().good_share is None


def test_the_last_decisions_are_kept_newest_first() -> None:
    figures = Figures(Stood(Given()))
    for number in range(20):
        figures.take(answer(str(number), name=f"{number}.png"))
    figures.take(answer(None, name="bad.png"))
    last = figures.read().last
    assert len(last) == LAST
    assert last[:2] == (("bad.png", "It is damaged."), ("19.png", "19"))


def test_decisions_in_free_text_do_not_fill_the_memory() -> None:
    figures = Figures(Stood(Given()), good="good")
    for number in range(1000):
        figures.take(answer(str(number)))
    figures.take(answer("good"))
    found = figures.read().decisions
    assert found[OTHERS] == 800 and found["good"] == 1 and len(found) == 202


def test_the_figures_of_a_stream_agree_with_its_counts_and_may_be_read_meanwhile() -> None:
    running = Stream(lambda frame: Prediction(decision="good"), [Given(*map(grey, range(200)))])
    figures = Figures(running, good="good")
    ended, read = threading.Event(), []

    def look() -> None:
        while not ended.is_set():
            read.append(figures.read().frames)

    looking = threading.Thread(target=look)
    looking.start()
    answers = list(figures.passing(running))
    ended.set()
    looking.join()
    now = figures.read()
    assert len(answers) == now.frames == 200 and read == sorted(read)
    assert (now.under_way, now.sources[0].depth, now.sources[0].state) == (0, 0, "ended")
    assert all(0 < one.took_s <= one.age_s + 1 for one in answers)
