"""Fits of linear models side by side, each with a single thread.

A fit alternates between numpy and scipy, and each brings its own BLAS library with its own threads.
The threads of one wait, spinning, while the other works. The cross-validation of 3683 signs took
2.3 times as long with two threads as with one, and 14 times as long with sixteen
(``benchmarks/probe_speed.py``). The folds are independent, so they run side by side instead.
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
    """Solve each part, as many at once as there are cores; results keep the order of the parts.

    Convergence warnings are silenced, because the models return whether they converged. Data that
    a part copies are in memory once for each part under way; a probe has five folds.

    Args:
        solve: Called from several threads.
        parts: Its arguments, one for each call.

    Raises:
        MissingDependencyError: scikit-learn, or what it needs, is not installed.
    """
    try:
        from sklearn.exceptions import ConvergenceWarning
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError as error:
        raise missing_extra("scikit-learn", "workshop") from error
    # warning filters apply to the whole process, so set them once, not in each thread
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        with ThreadPoolExecutor(available_cores()) as pool:
            return list(pool.map(solve, parts))
