"""How long AWS is waited for, and how often it is asked."""

from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from inventory_cli.aws import LOCAL_CREDENTIALS, Aws
from support.template import load_template, properties


@pytest.fixture
def aws() -> Aws:
    return Aws(region="us-east-1", endpoint_url="http://127.0.0.1:9", credentials=LOCAL_CREDENTIALS)


def test_a_function_that_does_not_answer_is_invoked_once(aws: Aws) -> None:
    tries = []

    def silence(**_: object) -> None:
        tries.append("")
        raise ReadTimeoutError(endpoint_url="http://127.0.0.1:9")

    functions = aws.functions
    functions.meta.events.register("before-send.lambda.Invoke", silence)
    with pytest.raises(ReadTimeoutError):
        functions.invoke(FunctionName="the-settler")
    assert len(tries) == 1


def test_no_function_that_is_given_its_messages_again_may_take_longer_than_it_is_waited_for(aws: Aws) -> None:
    slowest = max(
        properties(name.replace("OnFailureQueue", "Function")).get("Timeout", 0)
        for name in load_template()["Outputs"]
        if name.endswith("OnFailureQueue")
    )
    config: Any = aws.functions.meta.config
    assert 0 < slowest <= config.read_timeout


def test_a_question_to_aws_is_asked_a_few_times_and_not_waited_for_long(aws: Aws) -> None:
    for client in (aws.dynamodb, aws.streams, aws.kinesis, aws.sqs, aws.s3, aws.athena, aws.kms, aws.machines):
        config: Any = client.meta.config
        assert (config.connect_timeout, config.read_timeout) == (5, 15)
        assert config.retries["total_max_attempts"] == 4
