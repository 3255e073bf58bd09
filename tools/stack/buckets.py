"""Buckets' Object Lock and lifecycle, which the emulator's CloudFormation drops: applied by API, and checked."""

from typing import Any

from botocore.exceptions import ClientError

from stack.aws import Aws

Properties = dict[str, Any]

_NOT_SET = {"ObjectLockConfigurationNotFoundError", "NoSuchLifecycleConfiguration"}


def mend_bucket(aws: Aws, name: str, properties: Properties) -> None:
    """Gives a bucket the lock and the lifecycle of its properties, which have no references left in them."""
    if wanted := _lock(properties):
        aws.s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=wanted)
    if rules := _rules(properties):
        aws.s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})


def wrong_with_bucket(aws: Aws, name: str, properties: Properties) -> list[str]:
    """What still differs from the properties."""
    wrong = []
    lock, rules = _told_lock(aws, name), _told_rules(aws, name)
    if lock != _lock(properties):
        wrong.append(f"Object Lock is {lock}")
    if sorted(rules, key=_id) != sorted(_rules(properties), key=_id):
        wrong.append(f"lifecycle is {rules}")
    return wrong


def _id(rule: Any) -> str:
    return str(rule["ID"])


def _lock(properties: Properties) -> Any:
    """As the API has it: numbers of the template's parameters come as text."""
    told = properties.get("ObjectLockConfiguration")
    if told is None:
        return None
    retention = told["Rule"]["DefaultRetention"]
    return {**told, "Rule": {"DefaultRetention": {**retention, "Days": int(retention["Days"])}}}


def _rules(properties: Properties) -> list[Any]:
    """As the API has them: the template's words differ."""
    return [_rule(dict(rule)) for rule in properties.get("LifecycleConfiguration", {}).get("Rules", ())]


def _rule(rule: Properties) -> Properties:
    told: Properties = {
        "ID": rule.pop("Id"),
        "Status": rule.pop("Status"),
        "Filter": {"Prefix": rule.pop("Prefix", "")},
    }
    if "ExpirationInDays" in rule:
        told["Expiration"] = {"Days": rule.pop("ExpirationInDays")}
    if "Transitions" in rule:
        told["Transitions"] = [
            {"Days": each["TransitionInDays"], "StorageClass": each["StorageClass"]} for each in rule.pop("Transitions")
        ]
    return told | rule  # the other words are the same


def _told_lock(aws: Aws, name: str) -> Any:
    try:
        return aws.s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]
    except ClientError as error:
        _pass_where_not_set(error)
        return None


def _told_rules(aws: Aws, name: str) -> list[Any]:
    try:
        return list(aws.s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"])
    except ClientError as error:
        _pass_where_not_set(error)
        return []


def _pass_where_not_set(error: ClientError) -> None:
    if error.response["Error"]["Code"] not in _NOT_SET:
        raise error
