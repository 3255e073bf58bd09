"""What can go wrong, each with its exit code: a script can tell "not enough" from "not there" from "try again"."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """How the command ended."""

    FAILED = 1
    USAGE = 2
    NOT_ENOUGH = 3
    NOT_FOUND = 4
    TRY_LATER = 5
    DISCREPANCIES = 6


class CliError(Exception):
    """Something that a person has to know or do.

    Attributes:
        message: One or two sentences.
        exit_code: How the command ends.
        details: What else is known, by name; shown below the message, and beside it in JSON.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = dict(details or {})


class WrongUse(CliError):
    """The command line does not say what is needed."""

    exit_code = ExitCode.USAGE


class NotFound(CliError):
    """What was named is not there."""

    exit_code = ExitCode.NOT_FOUND


class Discrepancies(CliError):
    """The history was looked at, and is not what it says it is."""

    exit_code = ExitCode.DISCREPANCIES


class Unreachable(CliError):
    """Nobody answered, or not in time."""

    exit_code = ExitCode.TRY_LATER


class ApiError(CliError):
    """The API's own error, or that of whoever answers in its place.

    Attributes:
        status: The HTTP status.
        error: The object under `error` in the answer; without a `code` it is not the API's own.
    """

    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        known = {name: error.get(name) for name in ("code", "param", "request_id", "doc_url")}
        details = {name: value for name, value in known.items() if value is not None}
        super().__init__(str(error.get("message") or "The API gave no reason."), details={"status": status} | details)
        self.status = status
        self.error = dict(error)
        self.exit_code = _exit_code(status) if "code" in error else _exit_code_of_somebody_else(status)


_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500
_BY_STATUS = {
    402: ExitCode.NOT_ENOUGH,
    404: ExitCode.NOT_FOUND,
    409: ExitCode.TRY_LATER,
    _TOO_MANY_REQUESTS: ExitCode.TRY_LATER,
}


def _exit_code(status: int) -> ExitCode:
    if status >= _SERVER_ERRORS:
        return ExitCode.TRY_LATER
    return _BY_STATUS.get(status, ExitCode.FAILED)


def _exit_code_of_somebody_else(status: int) -> ExitCode:
    """A gateway on the way is too busy as the API is; that it finds nothing says nothing of what was asked for."""
    too_busy = status == _TOO_MANY_REQUESTS or status >= _SERVER_ERRORS
    return ExitCode.TRY_LATER if too_busy else ExitCode.FAILED
