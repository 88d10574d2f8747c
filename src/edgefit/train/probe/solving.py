"""Fits of linear models side by side, each with a single thread.

A fit alternates between products of numpy and of scipy, which bring a BLAS library each: two pools
of threads, which wait spinning while the other works. The cross-validation of 3683 signs took 2.3
times as long with two threads as with one, and 14 times with sixteen
(``benchmarks/probe_speed.py``). The folds, on the other hand, do not meet.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from edgefit.errors import missing_extra
from edgefit.runtime.cores import available_cores

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")


def side_by_side(solve: Callable[[_Part], _Result], parts: Iterable[_Part]) -> list[_Result]:
    """What ``solve`` makes of each part, in their order; as many at once as there are cores.

    A solver that stops before its end warns nobody: models tell it by a value. What a part copies
    is in memory as often as parts are solved at once; the folds of a probe are five.

    Args:
        solve: Called from several threads.
        parts: What it is called with.

    Raises:
        MissingDependencyError: scikit-learn, or what it needs, is not installed.
    """
    try:
        from sklearn.exceptions import ConvergenceWarning
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError as error:
        raise missing_extra("scikit-learn", "workshop") from error
    # filters of warnings belong to the whole process: set once, not in each thread
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        with ThreadPoolExecutor(available_cores()) as pool:
            return list(pool.map(solve, parts))
