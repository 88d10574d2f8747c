"""Fits side by side: in order, each with one thread, quiet, and as they were afterwards."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from edgefit.train.probe import solving
from edgefit.train.probe.solving import side_by_side


def threads() -> set[int]:
    """Of each BLAS library that is loaded."""
    pools = threadpool_info()
    return {pool["num_threads"] for pool in pools if pool["user_api"] == "blas"}


def test_results_come_in_the_order_of_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solving, "available_cores", lambda: 2)
    late = threading.Event()

    def solve(part: int) -> int:
        if part == 0:
            assert late.wait(timeout=30), "the parts do not run side by side"
        else:
            late.set()
        return part * part

    assert side_by_side(solve, [0, 1, 2]) == [0, 1, 4]


def test_each_fit_has_one_thread_and_later_work_all() -> None:
    with threadpool_limits(2, user_api="blas"):
        assert threads() == {2}
        assert side_by_side(lambda _: threads(), range(3)) == [{1}] * 3
        assert threads() == {2}


def test_a_solver_that_stops_early_is_quiet_and_an_error_comes_through() -> None:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(0)
    features_NF, targets_N = random.normal(size=(60, 20)), np.arange(60) % 3

    def solve(iterations: int) -> int:
        model = LogisticRegression(max_iter=iterations, C=100).fit(features_NF, targets_N)
        return int(model.n_iter_.max())

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert side_by_side(solve, [1, 2]) == [1, 2]
        with pytest.raises(ConvergenceWarning):
            solve(1)
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda part: 1 // part, [1, 0])
