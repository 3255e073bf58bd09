"""SAM is told every parameter; and what it fails on is told in its own words, wherever its log lies."""

import json
from pathlib import Path

import pytest

from stack import sam
from stack.console import StackError
from stack.place import ROOT
from support.template import load_template

DEFAULTS = {name: str(each["Default"]) for name, each in load_template()["Parameters"].items()}

READ_AS_SAM_DOES = (
    "import json, sys; from samcli.cli.types import CfnParameterOverridesType;"
    " print(json.dumps(CfnParameterOverridesType().convert(tuple(sys.argv[1:]), None, None)))"
)


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A samconfig.toml with the environment `shop`."""
    file = tmp_path / "samconfig.toml"
    overrides = "Environment=shop LogLevel=DEBUG AlarmEmail='' DocsUrl='https://shop.test/the errors'"
    file.write_text(f'[shop.deploy.parameters]\nstack_name = "shop"\nparameter_overrides = "{overrides}"\n')
    monkeypatch.setattr(sam, "_CONFIG_FILE", file)
    return file


@pytest.fixture
def read_by_sam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the parameters of the last deployment are written, as the real SAM reads its command line."""
    said, program = tmp_path / "said.json", tmp_path / "sam"
    python = ROOT / ".venvs" / "sam" / "bin" / "python"
    after = 'while [ "$1" != --parameter-overrides ]; do shift; done; shift'
    program.write_text(f"#!/bin/sh\n{after}\nexec {python} -c '{READ_AS_SAM_DOES}' \"$@\" >{said}\n")
    program.chmod(0o700)
    monkeypatch.setattr(sam, "_SAM", program)
    return said


def test_a_stack_gets_every_parameter_so_that_none_keeps_what_it_had_before(
    configured: Path, read_by_sam: Path, tmp_path: Path
) -> None:
    """CloudFormation keeps the old value of a parameter that a deployment leaves out."""
    sam.deploy("shop", tmp_path, {"LogLevel": "ERROR", "Architecture": "x86_64"}, {}, tmp_path / "deploy.log")
    assert json.loads(read_by_sam.read_text()) == DEFAULTS | {
        "Environment": "shop",
        "LogLevel": "ERROR",
        "Architecture": "x86_64",
        "DocsUrl": "https://shop.test/the errors",
    }
    assert "" in DEFAULTS.values(), "an empty one is told, too"


def test_what_is_built_for_is_what_is_deployed(configured: Path) -> None:
    told = sam.parameters("shop", {})
    assert (told["RuntimeVersion"], told["Architecture"]) == (DEFAULTS["RuntimeVersion"], DEFAULTS["Architecture"])


@pytest.mark.parametrize(
    "value", ['he said "no"', "it's", "a b=c", "arn:aws:kms:eu-west-1:1:key/a,arn:aws:kms:eu-west-1:1:key/b"]
)
def test_a_value_reaches_the_stack_as_it_is(configured: Path, read_by_sam: Path, tmp_path: Path, value: str) -> None:
    sam.deploy("shop", tmp_path, {"DocsUrl": value}, {}, tmp_path / "deploy.log")
    assert json.loads(read_by_sam.read_text())["DocsUrl"] == value


@pytest.mark.parametrize("value", ["a\\", "a\\ b", 'a\\"b'])
def test_a_value_that_sam_would_read_otherwise_is_refused_by_its_name(configured: Path, value: str) -> None:
    with pytest.raises(StackError, match="DocsUrl"):
        sam.parameters("shop", {"DocsUrl": value})


def test_a_parameter_that_the_template_does_not_have_is_refused(configured: Path) -> None:
    """SAM would leave it out without a word."""
    configured.write_text(configured.read_text().replace("AlarmEmail", "AlarmMail"))
    with pytest.raises(StackError, match="AlarmMail"):
        sam.parameters("shop", {})


def test_every_environment_of_this_repository_has_parameters_that_the_template_has() -> None:
    for environment in ("local", "localstack", "staging", "prod"):
        assert sam.parameters(environment, {}).keys() == DEFAULTS.keys()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("one\\ntwo", "one\ntwo"),
        ("much\\nCREATE_FAILED Table\\nno room\\n", "CREATE_FAILED Table\nno room"),
    ],
)
def test_a_failed_deployment_is_told_by_its_reasons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, told: str
) -> None:
    program = tmp_path / "sam"
    program.write_text(f"#!/bin/sh\nprintf '{said}'; exit 1\n")
    program.chmod(0o700)
    monkeypatch.setattr(sam, "_SAM", program)
    with pytest.raises(StackError) as error:
        sam.deploy("local", tmp_path, {}, {}, tmp_path / "deploy.log")
    first, _, rest = str(error.value).partition("\n")
    assert "`sam deploy` failed" in first
    assert "deploy.log" in first
    assert rest == told
