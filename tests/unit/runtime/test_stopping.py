from __future__ import annotations

import signal
import time

import pytest

from edgefit.runtime.stopping import Stop


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noted_and_ends_a_sleep(sign: signal.Signals) -> None:
    former = signal.getsignal(sign)
    with Stop() as stop:
        stop.wait(0)
        assert stop.asked is None
        signal.raise_signal(sign)
        assert stop.asked is sign
        began = time.monotonic()
        stop.wait(30)
        assert time.monotonic() - began < 10
    assert signal.getsignal(sign) is former


def test_a_second_ctrl_c_interrupts_at_once() -> None:
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Stop() as stop:
            signal.raise_signal(signal.SIGINT)
            assert stop.asked is signal.SIGINT
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, former)
