"""The base of all records: one JSON file of a stage or a study, as a typed, frozen model.

A record is written whole or not at all. Reading checks it: an unknown or missing key raises an
error that names the file and the key, instead of failing later in a reader.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    JsonValue,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from edgefit.atomic import written_whole
from edgefit.errors import RunError
from edgefit.names import printable
from edgefit.shell import shell_line


class Part(BaseModel):
    """A part of a record: frozen, unknown keys are errors, NaN is not JSON, text is UTF-8.

    File names of other encodings become printable here, so that a stage need not think of them.

    Attributes:
        OMITTED: Fields that the JSON file leaves out where they are None; other fields are null.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, protected_namespaces=(), ser_json_inf_nan="constants"
    )
    OMITTED: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _in_utf8(cls, facts: object) -> object:
        return _printable_text(facts)

    @model_serializer(mode="wrap")
    def _leave_out(self, handler: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        facts: dict[str, JsonValue] = handler(self)
        return {k: v for k, v in facts.items() if v is not None or k not in self.OMITTED}

    def __bool__(self) -> Literal[True]:
        """Every part is true, so that mypy types ``part and part.value`` as it reads."""
        return True

    def to_json(self) -> dict[str, JsonValue]:
        """JSON-ready facts, in the order of the fields."""
        return self.model_dump(mode="json")


class Record(Part):
    """A file of a run.

    Attributes:
        STAGE: Name of the stage or study that writes it; also its folder in the run.
        OPTIONS: Options of the verb that writes it.
        FILE: Name of the file.
    """

    STAGE: ClassVar[str]
    OPTIONS: ClassVar[tuple[str, ...]] = ()
    FILE: ClassVar[str]

    @classmethod
    def path_in(cls, root: Path) -> Path:
        """Path of the record in a run folder."""
        return root / cls.STAGE / cls.FILE

    def write(self, root: Path) -> Path:
        """Write into a run folder, atomically.

        Raises:
            ValueError: A number is NaN or infinite.
        """
        target = self.path_in(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_json(target, self.to_json())
        return target

    @classmethod
    def read(cls, root: Path) -> Self:
        """Read from a run folder.

        Raises:
            RunError: The file is missing, damaged, or not what this release writes.
        """
        path = cls.path_in(root)
        if not path.is_file():
            raise RunError(
                f"The stage `{cls.STAGE}` has not written this file.",
                path=path,
                remedy=f"run `{cls._command(root)}` first",
            )
        try:
            return cls.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise cls._damaged(path, first["msg"], key or None) from None
        except ValueError as error:
            raise cls._damaged(path, str(error), None) from error

    @classmethod
    def _command(cls, root: Path) -> str:
        return shell_line("edgefit", cls.STAGE, root, *cls.OPTIONS)

    @classmethod
    def _damaged(cls, path: Path, found: str, key: str | None) -> RunError:
        return RunError(
            f"The file of the stage `{cls.STAGE}` is damaged or comes from another release.",
            path=path,
            key=key,
            expected=f"a JSON object with the keys of {cls.__name__}",
            found=found,
            remedy=f"run `{cls._command(path.parents[1])}` again",
        )


def _printable_text(facts: object) -> object:
    if isinstance(facts, str):
        return printable(facts)
    if isinstance(facts, dict):
        return {_printable_text(key): _printable_text(value) for key, value in facts.items()}
    if isinstance(facts, tuple | list):
        return type(facts)(map(_printable_text, facts))
    return facts


def write_json(target: Path, facts: object) -> None:
    """Write JSON atomically: to a file beside the target, which is then renamed.

    Raises:
        ValueError: A number is NaN or infinite.
    """
    text = json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False)
    with written_whole(target) as part:
        part.write_text(text + "\n", encoding="utf-8")
