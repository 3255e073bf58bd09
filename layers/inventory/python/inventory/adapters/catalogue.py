"""Glue: the partitions that make a snapshot's files visible to Athena."""

from typing import Any, Protocol

from botocore.exceptions import ClientError

from inventory.adapters.outages import outages_named
from inventory.aws_errors import code_of


class Catalogue(Protocol):
    """Where tables' partitions are registered."""

    def register(self, table: str, as_of: str) -> None:
        """Makes a partition of a table visible; one that is so already stays."""
        ...


class GlueCatalogue:
    """The history's tables in a Glue database.

    Args:
        client: A boto3 Glue client.
        database: The database's name.
    """

    def __init__(self, client: Any, database: str) -> None:
        self._client = client
        self._database = database

    def register(self, table: str, as_of: str) -> None:
        """Makes a table's partition of an instant visible; one that is so already stays.

        Raises:
            botocore.exceptions.ClientError: There is no such table.
            Overloaded: Glue did not answer.
        """
        try:
            with outages_named("The catalogue"):
                found = self._client.get_table(DatabaseName=self._database, Name=table)
                described = found["Table"]["StorageDescriptor"]
                storage = {**described, "Location": f"{described['Location'].rstrip('/')}/as_of={as_of}/"}
                self._client.create_partition(
                    DatabaseName=self._database,
                    TableName=table,
                    PartitionInput={"Values": [as_of], "StorageDescriptor": storage},
                )
        except ClientError as error:
            if code_of(error) != "AlreadyExistsException":
                raise
