import os

import httpx
import pytest

from support.terminal import Terminal, stock, write_stack


def _where(terminal: Terminal, *arguments: str) -> tuple[str, str]:
    """The base and the key of the request that a command sends."""
    terminal.handler = lambda _: httpx.Response(200, json=stock("cup"))
    assert terminal.run("stock", "cup", *arguments).exit_code == 0
    request = terminal.requests[-1]
    return str(request.url).removesuffix("/v1/stock/cup"), request.headers["Authorization"].removeprefix("Bearer ")


def test_the_command_line_counts_more_than_the_environment(terminal: Terminal) -> None:
    terminal.environ |= {"INVENTORY_URL": "https://env.test", "INVENTORY_API_KEY": "inv_env"}
    assert _where(terminal) == ("https://env.test", "inv_env")
    assert _where(terminal, "--url", "https://flag.test/", "--key=inv_flag") == ("https://flag.test", "inv_flag")


def test_a_local_stack_is_found_from_a_folder_inside_of_its_checkout(terminal: Terminal) -> None:
    write_stack(terminal.folder, {})
    terminal.folder = terminal.folder / "docs" / "adr"
    terminal.folder.mkdir(parents=True)
    assert _where(terminal) == ("http://127.0.0.1:4566/_aws/execute-api/a1/local", "inv_local")


def test_a_named_stack_counts_more_than_a_url_in_the_environment_and_has_its_own_key(terminal: Terminal) -> None:
    terminal.environ |= {"INVENTORY_URL": "https://env.test", "INVENTORY_API_KEY": "inv_env"}
    file = write_stack(terminal.folder, {}, api_url="http://other.test")
    assert _where(terminal, "--stack", str(file)) == ("http://other.test", "inv_local")


@pytest.mark.usefixtures("aws")
def test_a_stack_is_found_by_its_name(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = {"ApiUrl": "https://a1.execute-api.eu-west-1.amazonaws.com/prod", "Api": "a1"}
    monkeypatch.setattr("inventory_cli.aws.Aws.outputs", lambda _, name: outputs if name == "inventory-prod" else {})
    terminal.environ["INVENTORY_API_KEY"] = "inv_env"
    assert _where(terminal, "--stack", "inventory-prod") == (outputs["ApiUrl"], "inv_env")
    at_an_emulator = _where(terminal, "--stack", "inventory-prod", "--endpoint-url", "http://127.0.0.1:4566")
    assert at_an_emulator == ("http://127.0.0.1:4566/_aws/execute-api/a1/prod", "inv_env")
    other = terminal.run("--stack", "website", "stock", "cup")
    assert (other.exit_code, "no output ApiUrl" in other.err) == (1, True)


def test_a_file_that_make_up_did_not_write_is_named(terminal: Terminal) -> None:
    (terminal.folder / "stack.json").write_text("{}")
    result = terminal.run("--stack", "stack.json", "stock", "cup")
    assert result.exit_code == 1
    assert "is not what `make up` writes" in result.err
    assert terminal.run("--stack", "gone.json", "stock", "cup").exit_code == 4


def test_without_any_stack_or_key_the_way_out_is_said(terminal: Terminal) -> None:
    nowhere = terminal.run("stock", "cup")
    assert (nowhere.exit_code, "--stack NAME" in nowhere.err) == (2, True)
    keyless = terminal.run("--url", "https://api.test", "stock", "cup")
    assert (keyless.exit_code, "There is no API key" in keyless.err) == (2, True)
    odd = terminal.run("--url", "api.test", "--key", "k", "stock", "cup")
    assert (odd.exit_code, "begins with https://" in odd.err) == (2, True)


def test_keys_of_a_stack_known_only_by_url_are_not_looked_for_in_a_local_one(terminal: Terminal) -> None:
    write_stack(terminal.folder, {"ApiKeysTable": "keys"})
    terminal.environ["INVENTORY_URL"] = "https://api.test"
    result = terminal.run("keys", "list")
    assert (result.exit_code, "--stack NAME" in result.err) == (2, True)


def test_a_file_of_another_user_is_not_taken_for_ones_own_stack(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_stack(terminal.folder, {})
    terminal.folder = terminal.folder / "work"
    terminal.folder.mkdir()
    terminal.environ["INVENTORY_API_KEY"] = "inv_env"
    monkeypatch.setattr(os, "getuid", lambda: file.stat().st_uid + 1)
    for arguments in (("stock", "cup"), ("--key", "inv_flag", "stock", "cup"), ("keys", "list")):
        refused = terminal.run(*arguments)
        assert (refused.exit_code, "another user" in refused.err) == (1, True)
        assert str(file) in refused.err.replace("\n", ""), "how to take it all the same is said"
    assert terminal.requests == []
    assert _where(terminal, "--stack", str(file)) == ("http://127.0.0.1:4566/_aws/execute-api/a1/local", "inv_local")


@pytest.mark.parametrize(
    "url", ["https://evil.test", "http://127.0.0.1@evil.test", "http://127.0.0.1.evil.test", "http://["]
)
def test_a_stack_that_was_only_found_is_on_this_machine(terminal: Terminal, url: str) -> None:
    write_stack(terminal.folder, {}, api_url=url, api_key="")
    terminal.environ["INVENTORY_API_KEY"] = "inv_env"
    assert terminal.run("stock", "cup").exit_code == 1
    assert terminal.requests == []


@pytest.mark.parametrize("url", ["http://api.test", "http://10.0.0.1", "http://localhost.test", "http://", "http://["])
def test_a_key_does_not_leave_this_machine_in_the_clear(terminal: Terminal, url: str) -> None:
    refused = terminal.run("--url", url, "--key", "k", "stock", "cup")
    assert (refused.exit_code, "https://" in refused.err) == (2, True)
    terminal.environ |= {"INVENTORY_URL": url, "INVENTORY_API_KEY": "k", "AWS_ENDPOINT_URL": "http://emulator:4566"}
    assert terminal.run("stock", "cup").exit_code == 2
    assert terminal.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1:4566", "127.8.8.8", "[::1]:80", "localhost", "api.localhost:4566"])
def test_on_this_machine_it_may(terminal: Terminal, host: str) -> None:
    assert _where(terminal, "--url", f"http://{host}/a1", "--key", "k")[1] == "k"


def test_to_an_emulator_it_may_as_well(terminal: Terminal) -> None:
    at_the_emulator = ("http://emulator:4566/_aws/execute-api/a1/local", "k")
    arguments = ("--url", at_the_emulator[0], "--key", "k")
    assert _where(terminal, *arguments, "--endpoint-url", "http://emulator:4566") == at_the_emulator
    terminal.environ["AWS_ENDPOINT_URL"] = "http://emulator:4566"
    assert _where(terminal, *arguments) == at_the_emulator
