"""The program: registers the verbs, turns errors into clear messages and exit codes.

Exit codes: 0 done, 1 a gate or check failed, 2 wrong usage or input, 130 interrupted.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
from collections.abc import Mapping
from typing import Annotated, Any, TextIO

import typer

import edgefit
from edgefit.cli import (
    benchmark,
    build,
    bundle,
    calibrate,
    check,
    demo,
    doctor,
    evaluate,
    export,
    learning_curve,
    predict,
    retention,
    train,
    verify,
    watch,
)
from edgefit.cli.output import error_console
from edgefit.errors import (
    EdgefitError,
    InputError,
    missing_extra,
)
from edgefit.packages import module_of, required_packages

try:
    from typer import TyperException as UsageProblem
except ImportError:  # typer without a click of its own
    from click import ClickException as UsageProblem  # type: ignore[assignment]

app = typer.Typer(
    name="edgefit",
    help="Fine-tune a compact vision backbone, verify its exports, run them on a small device.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
for verb in (
    build,
    check,
    train,
    calibrate,
    evaluate,
    retention,
    learning_curve,
    export,
    verify,
    benchmark,
    bundle,
    predict,
    watch,
    doctor,
    demo,
):
    verb.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"edgefit {edgefit.__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Options of the program itself."""


def main(arguments: list[str] | None = None) -> None:
    """Run the program and exit."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        _write_utf8(stream)
    sys.exit(run(arguments))


def _write_utf8(stream: TextIO) -> None:
    """Class names may use any script; on Windows, a pipe encodes only a few hundred characters."""
    if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
        stream.reconfigure(encoding="utf-8", errors=stream.errors)


def run(arguments: list[str]) -> int:
    """Run the program with these arguments; return the exit code."""
    as_json = "--json" in arguments
    try:
        return _invoke(arguments)
    except UsageProblem as error:
        return _report_usage(error, as_json)
    except (typer.Abort, KeyboardInterrupt):
        advice = "run the same command again to continue"
        error_console().print(f"interrupted; {advice}")
        if as_json:
            _print_json({"error": "Interrupted", "message": advice})
        return 130
    except BrokenPipeError:  # the reader closed the pipe; that is not an error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except EdgefitError as error:
        return _report(error, as_json)
    except OSError as error:  # a folder that cannot be created, an unreadable file
        fact = InputError("A file operation failed.", path=error.filename, found=error.strerror)
        return _report(fact, as_json)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if _installs_with_workshop(package):
            return _report(missing_extra(package, "workshop"), as_json)
        raise


def _invoke(arguments: list[str]) -> int:
    # Not app(): typer would handle Ctrl-C and a closed pipe itself.
    command = typer.main.get_command(app)
    try:
        with command.make_context("edgefit", [*arguments]) as context:
            result: Any = command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    return result if isinstance(result, int) else 0


def _installs_with_workshop(module: str) -> bool:
    """Whether a module is missing and belongs to the packages that train and export.

    Where the list of these packages is unknown, any missing module counts as one of them.
    """
    packages = required_packages("workshop")
    if packages is None:
        listed = module not in ("", "edgefit")
    else:
        listed = module in {module_of(package) for package in packages}
    return listed and importlib.util.find_spec(module) is None


def _report_usage(error: Any, as_json: bool) -> int:
    if as_json:
        _print_json({"error": "UsageError", "message": error.format_message()})
    else:
        error.show()
    return 2


def _report(error: EdgefitError, as_json: bool) -> int:
    if as_json:
        _print_json(error.to_dict())
    else:
        error_console().print(f"[bold red]error:[/] {_escape(str(error))}", soft_wrap=True)
    return error.exit_code


def _escape(text: str) -> str:
    return text.replace("[", "\\[")


def _print_json(facts: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
