"""API key records."""

from inventory.domain.keys import ApiKey, Scope
from inventory.storage.codec import Record
from inventory.storage.database import Database
from inventory.storage.tables import Key


def api_key(table: str, key_hash: str) -> Key:
    """The key of an API key's record."""
    return Key(table, {"key_hash": key_hash})


def key_record(key: ApiKey) -> Record:
    """An API key as its record."""
    return {
        "key_hash": key.key_hash,
        "key_id": key.id,
        "account": key.account,
        "scopes": [scope.value for scope in key.scopes],
        "name": key.name,
        "created": key.created,
        "revoked": key.revoked,
    }


def key_from(record: Record) -> ApiKey:
    """An API key's record as the domain knows it. Scopes that this version does not know are left out."""
    known = {scope.value for scope in Scope}
    return ApiKey(
        key_hash=record["key_hash"],
        id=record["key_id"],
        account=record["account"],
        scopes=tuple(Scope(scope) for scope in record["scopes"] if scope in known),
        name=record["name"],
        created=record["created"],
        revoked=record.get("revoked"),
    )


def find_key(database: Database, table: str, key_hash: str) -> ApiKey | None:
    """The key with this hash, or None; one read, with eventual consistency: a key is made long before it is used.

    Raises:
        Overloaded, Throttled: The database did not answer, so that nothing is known.
    """
    record = database.get(api_key(table, key_hash), consistent=False)
    return None if record is None else key_from(record)
