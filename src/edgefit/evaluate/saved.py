"""``probabilities.npz``: the outputs of the trained network for the held-out images."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import RunError
from edgefit.operating.novelty import NOVELTY
from edgefit.records.evaluate import EvaluateRecord
from edgefit.shell import shell_line
from edgefit.spec import Outputs
from edgefit.wording import counted

FILE = "probabilities.npz"

# the file keeps these older names
_OUT_OF_DOMAIN_NOVELTY = "elsewhere_novelty"
_OUT_OF_DOMAIN_PATHS = "elsewhere_paths"


@dataclass(frozen=True)
class OutOfDomain:
    """General images that show none of the classes, and their novelty.

    Attributes:
        paths: Relative to the folder of general images.
        novelty_M: Their novelty scores, ``float32`` (M,).
    """

    paths: tuple[str, ...]
    novelty_M: NDArray[np.float32]

    def scored(self) -> Outputs:
        """The scores as the output ``novelty`` (M,)."""
        return {NOVELTY: self.novelty_M}


@dataclass(frozen=True)
class SavedOutputs:
    """The network's outputs for the test split, in the order of the table.

    Attributes:
        outputs: Name -> ``float32`` (N, ...). A classifier has ``probabilities`` (N, C) and
            ``logits`` (N, C) before the temperature; runs of earlier releases have no ``logits``.
        novelty_N: Novelty scores, ``float32`` (N,); None where novelty is not scored.
        out_of_domain: None where novelty is not scored or the recipe names no general images.
    """

    outputs: Outputs
    novelty_N: NDArray[np.float32] | None = None
    out_of_domain: OutOfDomain | None = None

    def scored(self) -> Outputs:
        """The outputs, with ``novelty`` (N,) where it is scored."""
        novelty = {} if self.novelty_N is None else {NOVELTY: self.novelty_N}
        return {**self.outputs, **novelty}

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The arrays of the file, by their names in it."""
        arrays: dict[str, NDArray[np.generic]] = dict(self.outputs)
        if self.novelty_N is not None:
            arrays[NOVELTY] = self.novelty_N
        if self.out_of_domain is not None:
            arrays[_OUT_OF_DOMAIN_NOVELTY] = self.out_of_domain.novelty_M
            arrays[_OUT_OF_DOMAIN_PATHS] = np.array(self.out_of_domain.paths, dtype=np.str_)
        return arrays

    def write(self, root: Path) -> None:
        """Write into a run folder."""
        target = saved_path(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        np.savez(target, allow_pickle=False, **self.arrays())

    @classmethod
    def read(cls, root: Path, images: int | None = None) -> Self:
        """Read from a run folder.

        Args:
            root: The run folder.
            images: How many images the test split holds; not checked where None.

        Raises:
            RunError: The file is missing, or holds another number of images.
        """
        path, again = saved_path(root), shell_line("edgefit", "evaluate", root)
        if not path.is_file():
            raise RunError(
                "The stage `evaluate` has not written this file.",
                path=path,
                remedy=f"run `{again}` first",
            )
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = dict(stored)
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise RunError(
                "The outputs that `evaluate` saved are damaged.",
                path=path,
                found=str(error).splitlines()[0],
                remedy=f"run `{again}` again",
            ) from error
        novelty_N = arrays.pop(NOVELTY, None)
        novelty_M = arrays.pop(_OUT_OF_DOMAIN_NOVELTY, None)
        paths = arrays.pop(_OUT_OF_DOMAIN_PATHS, None)
        others = None
        if novelty_M is not None and paths is not None:
            others = OutOfDomain(tuple(str(path) for path in paths), novelty_M)
        for name, values in arrays.items():
            if images is not None and len(values) != images:
                raise RunError(
                    "The evaluation belongs to another table of samples.",
                    path=path,
                    key=name,
                    expected=counted(images, "row"),
                    found=counted(len(values), "row"),
                    remedy=f"run `{again}` again",
                )
        return cls(arrays, novelty_N, others)


def saved_path(root: Path) -> Path:
    """Path of the file in a run folder."""
    return root / EvaluateRecord.STAGE / FILE
