"""Where to talk to: an API by URL and key, or a stack by its name or by the file that `make up` writes.

What is said on the command line counts more than the environment, and that more than a local stack that is up here.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from inventory_cli.errors import CliError, NotFound, WrongUse

if TYPE_CHECKING:
    from inventory_cli.aws import Aws

LOCAL_FILE = Path(".local") / "stack.json"

_NOWHERE = (
    "It is not said which stack: give --url and --key, or --stack NAME, or set INVENTORY_URL and INVENTORY_API_KEY. "
    "(A stack of `make up` is found by itself, from anywhere in its checkout.)"
)
_NO_KEY = "There is no API key: give --key or set INVENTORY_API_KEY. `inventory keys create` makes one."
_NO_STACK = "This is reached through AWS, not through the API: say which stack with --stack NAME."


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says about where to talk to; None where it says nothing."""

    url: str | None = None
    key: str | None = None
    stack: str | None = None
    region: str | None = None
    endpoint_url: str | None = None


@dataclass(frozen=True, slots=True)
class Api:
    """An API and who talks to it. `url` is the base of every path, without a slash at its end."""

    url: str
    key: str


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack.

    Attributes:
        name: Its name in CloudFormation.
        outputs: Its outputs: tables, queues and functions by their logical ids.
        api_url: The base of the API's paths.
        api_key: The key in its file, for a local stack.
        aws: Its AWS services.
    """

    name: str
    outputs: Mapping[str, str]
    api_url: str
    api_key: str | None
    aws: "Aws"

    def output(self, name: str) -> str:
        """One output.

        Raises:
            CliError: The stack has none of this name.
        """
        try:
            return self.outputs[name]
        except KeyError:
            raise CliError(f"The stack {self.name} has no output {name}. Is it this service?") from None


def find_api(options: Options, environ: Mapping[str, str], folder: Path) -> Api:
    """The API that is meant, seen from a folder.

    Raises:
        WrongUse: Nothing says which, or there is no key for it.
        CliError: The stack that was named is not there, or its file cannot be read.
    """
    url, given_key = options.url, options.key
    if url is None and options.stack is None:
        url = environ.get("INVENTORY_URL")
    if url is not None:
        key = given_key or environ.get("INVENTORY_API_KEY")
        _see_that_a_key_may_go_to(url, _emulator(options, environ))
    else:
        stack = _named_stack(options, environ, folder)
        if stack is None:
            raise WrongUse(_NOWHERE)
        url, key = stack.api_url, given_key or stack.api_key or environ.get("INVENTORY_API_KEY")
    if not key:
        raise WrongUse(_NO_KEY)
    return Api(url.rstrip("/"), key)


def find_stack(options: Options, environ: Mapping[str, str], folder: Path) -> Stack:
    """The stack that is meant, seen from a folder.

    Raises:
        WrongUse: Nothing says which.
        CliError: The stack that was named is not there, or its file cannot be read.
    """
    stack = optional_stack(options, environ, folder)
    if stack is None:
        raise WrongUse(_NO_STACK)
    return stack


def optional_stack(options: Options, environ: Mapping[str, str], folder: Path) -> Stack | None:
    """The stack that is meant, seen from a folder; None where nothing says which.

    Raises:
        CliError: The stack that was named is not there, or its file cannot be read.
    """
    return None if _only_an_api_is_named(options, environ) else _named_stack(options, environ, folder)


def _only_an_api_is_named(options: Options, environ: Mapping[str, str]) -> bool:
    """Whether a URL says which API is meant, and nothing which stack: a local one is not taken for it then."""
    return not (options.stack or environ.get("INVENTORY_STACK")) and bool(options.url or environ.get("INVENTORY_URL"))


def _named_stack(options: Options, environ: Mapping[str, str], folder: Path) -> Stack | None:
    named = options.stack or environ.get("INVENTORY_STACK")
    if named is None:
        file = next(_local_files(folder), None)
        return None if file is None else _stack_in(file, only_found=True)
    if named.endswith(".json"):
        return _stack_in(folder / named)
    return _stack_called(named, options, environ)


def _emulator(options: Options, environ: Mapping[str, str]) -> str | None:
    """The emulator that is named, if any."""
    return options.endpoint_url or environ.get("AWS_ENDPOINT_URL")


def _local_files(folder: Path) -> Iterator[Path]:
    """The nearest first."""
    return (file for place in (folder, *folder.parents) if (file := place / LOCAL_FILE).is_file())


def _stack_in(file: Path, *, only_found: bool = False) -> Stack:
    """The stack of a file. Nobody meant one that was only found: whoever planted it would be sent the caller's key."""
    from inventory_cli.aws import LOCAL_CREDENTIALS, Aws

    try:
        with file.open() as opened:
            if only_found and os.fstat(opened.fileno()).st_uid != os.getuid():
                raise CliError(f"A stack.json of another user was found. If you trust it: --stack {file}")
            written: dict[str, Any] = json.load(opened)
        if only_found and not _is_here(written["api_url"]):
            raise CliError(f"A stack.json for an API elsewhere was found. If you trust it: --stack {file}")
        aws = Aws(region=written["region"], endpoint_url=written["aws_endpoint_url"], credentials=LOCAL_CREDENTIALS)
        return Stack(written["stack_name"], written["outputs"], written["api_url"], written["api_key"], aws)
    except FileNotFoundError:
        raise NotFound(f"There is no file {file}. `make up` writes it.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CliError(f"{file} is not what `make up` writes ({type(error).__name__}: {error}).") from None


def _see_that_a_key_may_go_to(url: str, emulator: str | None) -> None:
    """What http:// carries, everybody on the way can read.

    Raises:
        WrongUse: It is no URL for an API, or one that a key must not be sent to.
    """
    scheme = url.partition("://")[0].lower()
    if scheme not in ("http", "https"):
        raise WrongUse(f"A URL begins with https:// or http://, not like {url!r}.")
    if scheme == "http" and not _is_here(url) and not (emulator and _host(url) == _host(emulator)):
        raise WrongUse(
            f"The key would be readable on the way to {url!r}: http:// is only for this machine, https:// for others."
        )


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_here(url: str) -> bool:
    """Whether a URL leads to this machine."""
    host = _host(url)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return f".{host}".endswith(".localhost")


def _stack_called(name: str, options: Options, environ: Mapping[str, str]) -> Stack:
    from inventory_cli.aws import Aws

    endpoint = _emulator(options, environ)
    aws = Aws(region=options.region, endpoint_url=endpoint)
    outputs = aws.outputs(name)
    if "ApiUrl" not in outputs:
        raise CliError(f"The stack {name} has no output ApiUrl. Is it this service?")
    return Stack(name, outputs, _reachable(outputs, endpoint), None, aws)


def _reachable(outputs: Mapping[str, str], endpoint: str | None) -> str:
    """An emulator serves the API under its own address, not under the name that the API has on AWS."""
    url = outputs["ApiUrl"]
    if endpoint is None:
        return url
    stage = urlsplit(url).path.strip("/")
    return f"{endpoint.rstrip('/')}/_aws/execute-api/{outputs['Api']}/{stage}"
