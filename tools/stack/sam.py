"""Builds and deploys with the real SAM CLI."""

import os
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

from stack.console import StackError
from stack.place import ROOT
from stack.template import load_template

_SAM = ROOT / ".venvs" / "sam" / "bin" / "sam"
# It has pip, and its Python under the name by which SAM looks for a runtime.
_BUILD_PYTHON = ROOT / ".venvs" / "bootstrap" / "bin"
_CONFIG_FILE = ROOT / "samconfig.toml"

Parameters = Mapping[str, str]


def stack_name(environment: str) -> str:
    """The stack's name in samconfig.toml.

    Raises:
        StackError: There is no such environment.
    """
    return _deploy_settings(environment)["stack_name"]


def region(environment: str) -> str | None:
    """The region in samconfig.toml, where it names one."""
    return _deploy_settings(environment).get("region")


def parameters(environment: str, overrides: Parameters) -> dict[str, str]:
    """Every parameter of the template: what overrides it, else what samconfig.toml says, else its default.

    A parameter that a deployment leaves out keeps the stack's value of before, whatever layers were built for. And SAM
    takes overrides from its command line or from its file, never both.

    Raises:
        StackError: A parameter is not in the template, and SAM would leave it out without a word; or its value has a
            backslash, which SAM takes for the beginning of another character.
    """
    defaults = {name: str(each["Default"]) for name, each in load_template()["Parameters"].items()}
    pairs = (pair.partition("=") for pair in shlex.split(_deploy_settings(environment)["parameter_overrides"]))
    chosen = {name: value for name, _, value in pairs} | dict(overrides)
    if unknown := chosen.keys() - defaults.keys():
        raise StackError(f"No such parameter in template.yaml: {', '.join(sorted(unknown))}.")
    if escaping := [name for name, value in chosen.items() if "\\" in value]:
        raise StackError(f"SAM reads no backslash as it is. There is one in {', '.join(sorted(escaping))}.")
    return defaults | chosen


def build(environment: str, folder: Path, overrides: Parameters, log: Path) -> None:
    """Builds functions and layers into ``folder``, the layers with bytecode.

    Raises:
        StackError: The build failed; the message has what SAM said.
    """
    chosen = parameters(environment, overrides)
    runtime = chosen["RuntimeVersion"]
    python = shutil.which(runtime, path=_search_path())
    if python is None:
        version = runtime.removeprefix("python")
        raise StackError(
            f"The functions are built for {runtime}, which is not on PATH. Install Python {version}, or deploy for one"
            f" that is there: RuntimeVersion=python3.x in samconfig.toml, or RUNTIME=python3.x for this once."
        )
    arguments = ["build", *_config(environment), "--build-dir", str(folder), "--cache-dir", ".aws-sam/cache"]
    # layers/columnar/Makefile builds for these, which SAM tells a makefile nothing of
    target = {"RUNTIME_VERSION": runtime, "ARCHITECTURE": chosen["Architecture"]}
    _run([*arguments, "--parameter-overrides", *_pairs(chosen)], {**os.environ, **target}, log)
    for layer in folder.glob("*Layer"):
        _compile(python, layer)


def _compile(python: str, layer: Path) -> None:
    """Writes bytecode beside a layer's sources: /opt is read-only, so each cold start would compile all of it again.

    It names no folder of this machine and no time, so that equal sources still make an equal zip.
    """
    # -I: or it would write where this environment keeps what it compiled
    arguments = ["-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    if subprocess.run([python, *arguments, "-s", str(layer), "-p", "/opt", str(layer)], check=False).returncode:  # noqa: S603 - found above
        raise StackError(f"A source in {layer} does not compile: see above.")


def deploy(
    environment: str, folder: Path, overrides: Parameters, variables: Mapping[str, str], log: Path | None
) -> None:
    """Deploys what ``build`` made. With a ``log`` quietly; without one SAM talks to the terminal, and may ask.

    Raises:
        StackError: The deployment failed; the message has the resources that did and why.
    """
    template = folder / "template.yaml"
    arguments = ["deploy", *_config(environment), "--template-file", str(template)]
    _run([*arguments, "--parameter-overrides", *_pairs(parameters(environment, overrides))], variables, log)


def _run(arguments: list[str], variables: Mapping[str, str], log: Path | None) -> None:
    environment = {**variables, "PATH": _search_path(), "SAM_CLI_TELEMETRY": "0"}
    environment |= {"PYTHONPYCACHEPREFIX": str(ROOT / ".local" / "pycache")}  # nothing beside what is packed
    command = [str(_SAM), *arguments]
    if log is None:
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:  # noqa: S603 - our own program
            raise StackError(f"`sam {arguments[0]}` failed: see above.")
        return
    with log.open("w") as output:
        result = subprocess.run(  # noqa: S603 - our own program
            command, cwd=ROOT, env=environment, check=False, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    if result.returncode:
        raise StackError(f"`sam {arguments[0]}` failed ({os.path.relpath(log)}):\n{_reason(log.read_text())}")


def _reason(output: str) -> str:
    """The failed resources with their reasons where there are any, else the last lines."""
    lines = output.splitlines()
    failed = [number for number, line in enumerate(lines) if "_FAILED" in line]
    chosen = [line for number in failed[:5] for line in lines[number : number + 6]] if failed else lines[-15:]
    return "\n".join(chosen)


def _deploy_settings(environment: str) -> dict[str, str]:
    environments = tomllib.loads(_CONFIG_FILE.read_text())
    if not isinstance(environments.get(environment), dict):
        known = ", ".join(name for name, value in environments.items() if isinstance(value, dict))
        raise StackError(f"No environment {environment!r} in samconfig.toml. There are: {known}.")
    settings: dict[str, str] = environments[environment]["deploy"]["parameters"]
    return settings


def _pairs(parameters: Parameters) -> list[str]:
    """In quotes, without which SAM refuses an empty value, and cuts another at its first space."""
    quoted = {name: value.replace('"', '\\"') for name, value in parameters.items()}
    return [f'{name}="{value}"' for name, value in quoted.items()]


def _config(environment: str) -> list[str]:
    return ["--config-file", str(_CONFIG_FILE), "--config-env", environment]


def _search_path() -> str:
    return f"{_BUILD_PYTHON}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
