"""Deploys to AWS, or to a LocalStack that runs somewhere."""

import os
from collections.abc import Mapping

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from localstack_client import config as localstack

from stack import deployed, protection, sam
from stack.console import StackError, console, step
from stack.place import LOCAL_CREDENTIALS, ROOT, clean_environment, local_runtime
from stack.up import ENVIRONMENT as LOCAL

LOCALSTACK = "localstack"
PROD = "prod"


def deploy(environment: str, overrides: Mapping[str, str]) -> None:
    """Builds and deploys; on AWS with the caller's own credentials, and SAM's questions on the terminal.

    Raises:
        StackError: There is no such environment, no region or credentials for it, or building or deploying failed.
    """
    if environment == LOCAL:
        raise StackError("The local stack is deployed by `make up`.")
    name = sam.stack_name(environment)
    variables = dict(os.environ)
    if environment == LOCALSTACK:
        # Its functions run in containers or on the machine's own Python: either way of this processor.
        overrides = {**local_runtime(), **overrides}
        endpoint = localstack.get_service_endpoint("cloudformation")
        variables = {**clean_environment(), **LOCAL_CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}
        console.print(f"LocalStack at {endpoint}")
    else:
        variables["AWS_DEFAULT_REGION"] = _aim(environment)
        _say_changes(environment, overrides, variables["AWS_DEFAULT_REGION"])
    folder = ROOT / ".aws-sam" / environment
    folder.mkdir(parents=True, exist_ok=True)
    with step(f"sam build for {environment}"):
        sam.build(environment, folder / "build", overrides, folder / "build.log")
    sam.deploy(environment, folder / "build", overrides, variables, log=None)
    if environment == PROD:
        _protect(name, variables["AWS_DEFAULT_REGION"])
    console.print(f"\nMake the first key: inventory --stack {name} keys create --help", soft_wrap=True)
    if environment == PROD and not sam.parameters(environment, overrides).get("AlarmEmail"):
        console.print(
            "[yellow bold]Nobody is told of alarms:[/] set AlarmEmail in samconfig.toml and deploy again, or subscribe"
            " to the output AlarmTopic.",
            soft_wrap=True,
        )


def _aim(environment: str) -> str:
    """Says where it goes, and gives the region. A build takes minutes, and SAM finds out what is missing after it."""
    session = boto3.Session()
    region = sam.region(environment) or session.region_name
    if not region:
        raise StackError(
            "No region. Set AWS_DEFAULT_REGION, the profile's by `aws configure set region …`, or region in"
            " samconfig.toml."
        )
    if session.get_credentials() is None:
        raise StackError("No AWS credentials. Sign in (`aws sso login`, `aws configure`), or set AWS_PROFILE.")
    try:
        account = session.client("sts", region_name=region).get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise StackError(f"AWS does not say whose these credentials are (`aws sso login`?): {error}") from None
    console.print(f"{sam.stack_name(environment)} in account {account}, {region}", soft_wrap=True)
    return region


def _say_changes(environment: str, overrides: Mapping[str, str], region: str) -> None:
    """Says what a deployment takes back that was set by other means than samconfig.toml. Some is dear to change."""
    found = deployed.find(boto3.client("cloudformation", region_name=region), sam.stack_name(environment))
    changes = deployed.changed(found, sam.parameters(environment, overrides)) if found else {}
    if changes:
        console.print("[yellow bold]This deployment changes:[/]")
    for name, (before, after) in changes.items():
        console.print(f"  {name} {before!r} -> {after!r}", markup=False, soft_wrap=True)


def _protect(name: str, region: str) -> None:
    cloudformation = boto3.client("cloudformation", region_name=region)
    if deployed.find(cloudformation, name) is None:
        return  # SAM ends well, too, where its question was answered with no
    with step("protect the stack from deletion, and its tables, buckets and key from replacement"):
        protection.protect(cloudformation, name)
