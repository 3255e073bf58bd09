"""`make up`: from whatever there is to a running, deployed, checked local stack; what is unchanged is left alone."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from botocore.exceptions import ClientError

from stack import emulator, keys, sam
from stack.aws import Aws
from stack.console import StackError, console, skipped, step
from stack.mend import mend
from stack.place import LOCAL_CREDENTIALS, REGION, ROOT, Place, clean_environment, local_runtime
from stack.state import Stack

ENVIRONMENT = "local"
_SOURCES = ("template.yaml", "samconfig.toml", "functions", "layers")
_STABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


def up(place: Place) -> Stack:
    """Brings the local stack up, and writes its stack.json.

    Raises:
        StackError: Something that a person has to know or do.
    """
    place.folder.mkdir(parents=True, exist_ok=True)
    aws = Aws(place.endpoint)
    name = sam.stack_name(ENVIRONMENT)
    if emulator.ensure_running(place) and _status(aws, name) is None:
        # A first `sam deploy` was interrupted. SAM's own stack may be half made, which SAM refuses from then on.
        emulator.stop(place)
        emulator.ensure_running(place)
    if _is_current(place, aws, name):
        skipped("functions and template")
    else:
        _deploy(place, aws, name)
    return _publish(place, aws, name)


def down(place: Place) -> None:
    """Stops the local stack. Its data lived in the emulator's memory and is gone with it."""
    stopped = emulator.stop(place)
    place.stack_file.unlink(missing_ok=True)
    _deployed_file(place).unlink(missing_ok=True)
    shutil.rmtree(place.folder / "tmp", ignore_errors=True)
    if not stopped:
        console.print("[dim]nothing was running[/]")


def _deploy(place: Place, aws: Aws, name: str) -> None:
    fingerprint = _fingerprint()
    build = place.folder / "build"
    _deployed_file(place).unlink(missing_ok=True)
    with step("sam build"):
        sam.build(ENVIRONMENT, build, local_runtime(), place.folder / "build.log")
    if _status(aws, name) in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED"):
        with step("remove the stack that never came up"):
            aws.cloudformation.delete_stack(StackName=name)
            aws.cloudformation.get_waiter("stack_delete_complete").wait(StackName=name)
    with step("sam deploy"):
        variables = clean_environment() | LOCAL_CREDENTIALS
        # SAM asks how far it is every 5 s by default, out of regard for a service that is far away.
        variables |= {"AWS_ENDPOINT_URL": place.endpoint, "AWS_DEFAULT_REGION": REGION, "SAM_CLI_POLL_DELAY": "0.5"}
        sam.deploy(ENVIRONMENT, build, local_runtime(), variables, place.folder / "deploy.log")
    with step("apply and check what the emulator's CloudFormation drops"):
        mend(aws, name)
    _deployed_file(place).write_text(fingerprint)


def _publish(place: Place, aws: Aws, name: str) -> Stack:
    (described,) = aws.cloudformation.describe_stacks(StackName=name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    url = f"{place.endpoint}/_aws/execute-api/{outputs['Api']}/{ENVIRONMENT}"
    before = Stack.read(place.stack_file)
    if before and keys.accepted(url, before.api_key):
        key = before.api_key
    else:
        with step("make an API key"):
            key = keys.create(aws, outputs["ApiKeysTable"], name="make up")
            if not keys.accepted(url, key):
                raise StackError("The API does not know the key just made. See `make logs`.")
    stack = Stack(url, key, place.endpoint, REGION, name, outputs)
    stack.write(place.stack_file)
    return stack


def _is_current(place: Place, aws: Aws, name: str) -> bool:
    """Whether what is deployed was built from the very files that are here."""
    try:
        deployed = _deployed_file(place).read_text()
    except FileNotFoundError:
        return False
    return deployed == _fingerprint() and _status(aws, name) in _STABLE


def _status(aws: Aws, name: str) -> str | None:
    try:
        (stack,) = aws.cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ValidationError":  # no such stack
            return None
        raise
    return stack["StackStatus"]


def _fingerprint() -> str:
    """One hash over everything that the deployed stack is made of, this interpreter included."""
    digest = hashlib.sha256(repr(sorted(local_runtime().items())).encode())
    for path in sorted(_sources()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)}:{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    for source in (ROOT / name for name in _SOURCES):
        if source.is_file():
            yield source
        else:
            yield from (path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _deployed_file(place: Place) -> Path:
    return place.folder / "deployed.sha256"
