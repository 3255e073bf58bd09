"""What the service itself takes: tables, collecting, gateway, functions and their logs."""

from bench.figures import Figure
from bench.prime_day.assumptions import (
    ACCESS_LOG_BYTES,
    COLLECTED_BYTES,
    COLLECTING_LANES,
    COLLECTOR_S,
    GB,
    HOURS,
    HTTP_TIERS,
    KINESIS_GB_IN,
    KINESIS_GB_OUT,
    KINESIS_HOUR,
    LAMBDA_CALL,
    LAMBDA_GB_S,
    LOG_GB,
    PEAK_SALES_PER_S,
    READ_LOG_BYTES,
    READ_S,
    READS,
    REST_TIERS,
    SALE_LOG_BYTES,
    SALE_S,
    SALES,
    STREAM_LANES,
    TRACE,
    TRACED,
    WRITE_UNIT,
    WRITE_UNITS_PER_SALE,
)


def service() -> list[Figure]:
    """Tables, collecting, and the gateway."""
    requests = READS + 2 * SALES
    return [
        Figure("DynamoDB: write units/s at the peak", PEAK_SALES_PER_S * WRITE_UNITS_PER_SALE, note="both tables"),
        Figure("DynamoDB: dollars", SALES * WRITE_UNITS_PER_SALE * WRITE_UNIT, "$", note="sales only"),
        Figure("collecting: dollars", _collecting(), "$", note="were all sales of hot items"),
        Figure("API requests", requests / 1e9, "billion", note=f"{READS / 1e9:.1f} billion of them reads"),
        Figure("REST API: dollars", _tiered(requests, REST_TIERS), "$"),
        Figure("HTTP API: dollars", _tiered(requests, HTTP_TIERS), "$", note="what it would be: docs/adr/rest-api.md"),
    ]  # fmt: skip


def functions() -> list[Figure]:
    """What runs for each request, and what it leaves behind."""
    writes, stream_s = 2 * SALES, STREAM_LANES * HOURS * 3600
    seconds = writes * SALE_S + READS * READ_S
    functions = seconds * GB["api"] * LAMBDA_GB_S + (writes + READS) * LAMBDA_CALL
    logged = writes * SALE_LOG_BYTES + READS * READ_LOG_BYTES
    accessed = (writes + READS) * ACCESS_LOG_BYTES
    return [
        Figure("Lambda, requests: dollars", functions, "$", note=f"{seconds * GB['api'] / 1e6:.0f} million GB-s"),
        Figure("Lambda, settler and projector: dollars at most", stream_s * GB["streams"] * LAMBDA_GB_S, "$"),
        Figure("functions' logs: dollars", logged / 1e9 * LOG_GB, "$", note=f"{logged / 1e12:.1f} TB"),
        Figure("access log: dollars", accessed / 1e9 * LOG_GB, "$", note=f"{accessed / 1e12:.1f} TB"),
        Figure("X-Ray: dollars", (writes + READS) * TRACED * TRACE, "$", note=f"{TRACED:.0%} of all requests"),
    ]


def _collecting() -> float:
    kinesis = SALES * (1024 * KINESIS_GB_IN + COLLECTED_BYTES * KINESIS_GB_OUT) / 2**30 + HOURS * KINESIS_HOUR
    calls = COLLECTING_LANES * HOURS * 3600
    return kinesis + calls * (LAMBDA_CALL + COLLECTOR_S * GB["collector"] * LAMBDA_GB_S)


def _tiered(requests: float, tiers: tuple[tuple[float, float], ...]) -> float:
    dollars = 0.0
    for size, price in tiers:
        taken = min(requests, size)
        dollars += taken * price
        requests -= taken
    return dollars
