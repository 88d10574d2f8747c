"""The program: registers the verbs, turns errors into clear messages and exit codes.

Exit codes: 0 done, 1 a gate or check failed, 2 wrong usage or input, 70 an error that edgefit does
not expect, 130 interrupted.
"""

from __future__ import annotations

import errno
import importlib.util
import io
import os
import sys
from contextlib import suppress
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
)
from edgefit.cli.output import error_console, print_error, reader_has_gone, write_nowhere
from edgefit.cli.unexpected import (
    DEBUG,
    DEBUG_VARIABLE,
    in_one_line,
    report_unexpected,
    thread_errors_raised,
    without_debug,
)
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
    debug: Annotated[  # run() takes it out before; this lists it
        bool,
        typer.Option(
            DEBUG,
            help=f"Show the traceback of an unexpected error, also with {DEBUG_VARIABLE}=1.",
        ),
    ] = False,
) -> None:
    """Options of the program itself."""


def main(arguments: list[str] | None = None) -> None:
    """Run the program and exit."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        _write_utf8(stream)
    code = run(arguments)
    with suppress(ValueError):  # closed already
        _flush_or_give_up()
    sys.exit(code)


def _write_utf8(stream: TextIO) -> None:
    """Class names may use any script; on Windows, a pipe encodes only a few hundred characters.

    What still cannot be encoded, such as a file name that is not UTF-8, is escaped as JSON does.
    """
    if isinstance(stream, io.TextIOWrapper):
        errors = "backslashreplace" if stream.errors == "strict" else stream.errors
        encoding = stream.encoding if stream.isatty() else "utf-8"
        stream.reconfigure(encoding=encoding, errors=errors)


def run(arguments: list[str]) -> int:
    """Run the program with these arguments; return the exit code."""
    arguments, debug = without_debug(arguments)
    as_json = "--json" in arguments
    try:
        return _answer(arguments, as_json)
    except BrokenPipeError as error:
        if reader_has_gone():  # that is not an error
            write_nowhere()
            return 0
        return report_unexpected(error, arguments, as_json=as_json, debug=debug)
    except Exception as error:  # noqa: BLE001 - the outermost frame: nothing passes unreported
        return report_unexpected(error, arguments, as_json=as_json, debug=debug)


def _answer(arguments: list[str], as_json: bool) -> int:
    """The exit code of the verb, or of an error that edgefit knows."""
    try:
        with thread_errors_raised():
            code = _invoke(arguments)
        sys.stdout.flush()  # a full disk must show here, not after the exit code is chosen
        return code
    except UsageProblem as error:
        return _report_usage(error, as_json)
    except (typer.Abort, KeyboardInterrupt):
        advice = "run the same command again to continue"
        error_console().print(f"interrupted; {advice}")
        if as_json:
            print_error({"error": "Interrupted", "message": advice})
        return 130
    except BrokenPipeError:
        raise
    except EdgefitError as error:
        return _report(error, as_json)
    except OSError as error:  # a folder that cannot be created, an unreadable file
        return _report(_refused_by_system(error), as_json)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if _installs_with_workshop(package):
            return _report(missing_extra(package, "workshop"), as_json)
        raise


def _flush_or_give_up() -> None:
    """What the disk or the reader did not take is reported by now; no second error at the end."""
    try:
        sys.stdout.flush()
    except OSError:
        write_nowhere()


def _refused_by_system(error: OSError) -> InputError:
    name: object = error.filename
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        remedy = "free some space there, then run the same command again"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy = "change the permissions, or use a folder that you may read and write"
    else:
        remedy = "check that the file or folder is there and that you may read and write it"
    return InputError(
        "A file operation failed.",
        path=None if name is None else os.fsdecode(name) if isinstance(name, bytes) else str(name),
        found=error.strerror or in_one_line(error),
        remedy=remedy,
    )


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
        print_error({"error": "UsageError", "message": error.format_message()})
    else:
        error.show()
    return 2


def _report(error: EdgefitError, as_json: bool) -> int:
    if as_json:
        print_error(error.to_dict())
    else:
        error_console().print(f"[bold red]error:[/] {_escape(str(error))}", soft_wrap=True)
    return error.exit_code


def _escape(text: str) -> str:
    return text.replace("[", "\\[")
