"""Lambda: until when an invocation may begin something more."""

from typing import Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from inventory.domain.clock import HybridClock, Milliseconds

#: For the transaction, or the page of holds, under way when the time is up, and for setting aside.
_SPARE_MS: Final = 10_000


def deadline_ms(clock: HybridClock, context: LambdaContext) -> Milliseconds:
    """When an invocation has to stop beginning anything; now, where no more is left than the time to end."""
    return clock.now() + max(0, context.get_remaining_time_in_millis() - _SPARE_MS)
