import boto3
import pytest

from inventory.domain.keys import Scope, key_hash
from inventory.storage.codec import decode
from inventory.storage.key_records import key_from
from support.template import table_definitions
from support.terminal import NOW, Terminal, write_stack

ALL = {scope.value for scope in Scope}
SHOP = ("--name", "shop", "--account", "acct_shop")


@pytest.fixture(autouse=True)
def _stack(aws: None, terminal: Terminal) -> None:
    definition = table_definitions()["API_KEYS_TABLE"]
    boto3.client("dynamodb").create_table(**definition)
    write_stack(terminal.folder, {"ApiKeysTable": definition["TableName"]})


def test_a_new_key_is_stored_by_its_hash_as_the_authorizer_looks_for_it(terminal: Terminal) -> None:
    made = terminal.run("keys", "create", *SHOP, "--scope", "holds:write", "--scope", "holds:read", "--json").json
    (record,) = boto3.client("dynamodb").scan(TableName="ApiKeysTable")["Items"]
    stored = key_from(decode(record))
    assert stored.key_hash == key_hash(made["key"])
    assert (stored.id, stored.account, stored.name) == (made["id"], "acct_shop", "shop")
    assert stored.scopes == (Scope.HOLDS_READ, Scope.HOLDS_WRITE)
    assert (stored.created, stored.revoked) == (NOW * 1000, None)
    assert made["key"] not in str(record)


def test_a_key_has_the_scopes_that_were_named_or_all(terminal: Terminal) -> None:
    assert terminal.run("keys", "create", *SHOP).exit_code == 2
    assert terminal.run("keys", "create", *SHOP, "--scope", "holds:read", "--all-scopes").exit_code == 2
    assert terminal.run("keys", "create", *SHOP, "--scope", "holds:delete").exit_code == 2
    assert set(terminal.run("keys", "create", *SHOP, "--all-scopes", "--json").json["scopes"]) == ALL


@pytest.mark.parametrize("option", ["--name", "--account"])
@pytest.mark.parametrize("text", ["", "  ", "acct\x1b[31m\nb", "a\tb", "a\x7f", "\u202eb", "\udce9", "a" * 201])
def test_a_key_is_not_made_for_what_cannot_be_read(terminal: Terminal, option: str, text: str) -> None:
    refused = terminal.run("keys", "create", *SHOP, option, text, "--all-scopes")
    assert (refused.exit_code, refused.out) == (2, "")
    assert f"{option}: 1 to 200 readable characters" in " ".join(refused.err.split())
    assert "\x1b[31m" not in refused.err
    assert terminal.run("keys", "list", "--json").json == []


def test_names_and_accounts_may_be_in_any_language(terminal: Terminal) -> None:
    named = ("--name", "Lädchen am Markt", "--account", "株式会社" + "x" * 196)
    made = terminal.run("keys", "create", *named, "--all-scopes", "--json").json
    assert (made["name"], made["account"]) == (named[1], named[3])


def test_the_list_shows_neither_keys_nor_hashes(terminal: Terminal) -> None:
    made = terminal.run("keys", "create", *SHOP, "--all-scopes", "--json").json
    shown = terminal.run("keys", "list")
    listed = terminal.run("keys", "list", "--json")
    assert made["id"] in shown.out
    assert listed.json == [{name: value for name, value in made.items() if name != "key"}]
    for secret in (made["key"], key_hash(made["key"])):
        assert secret not in shown.out + listed.out


def test_a_key_is_revoked_once_and_for_good(terminal: Terminal) -> None:
    made = terminal.run("keys", "create", *SHOP, "--all-scopes", "--json").json
    terminal.run("keys", "create", "--name", "other", "--account", "a", "--all-scopes")
    assert terminal.run("keys", "revoke", made["id"], "--json").json["revoked"] == NOW
    again = terminal.run("keys", "revoke", made["id"])
    assert (again.exit_code, "was revoked before" in again.err) == (1, True)
    assert [key["revoked"] for key in terminal.run("keys", "list", "--json").json if key["name"] == "other"] == [None]
    assert terminal.run("keys", "revoke", "key_unknown").exit_code == 4


def test_what_aws_refuses_is_said_in_its_own_words(terminal: Terminal) -> None:
    write_stack(terminal.folder, {"ApiKeysTable": "gone"})
    result = terminal.run("keys", "list")
    assert result.exit_code == 1
    assert "AWS refused Scan" in result.err
    assert "ResourceNotFoundException" in result.err
