"""The local stack's emulator runs whatever code it is given: no web page may give it any."""

import urllib.error
import urllib.request
from urllib.parse import urlencode

import pytest

from stack.state import Stack

#: Named in the address, a key needs no header that a browser would ask leave for.
ROOT_KEY = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "test/20261122/us-east-1/lambda/aws4_request",
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Date": "20261122T000000Z",
    "X-Amz-Expires": "600",
    "X-Amz-Signature": "00",
}


PATHS = ("/2015-03-31/functions", f"/2015-03-31/functions?{urlencode(ROOT_KEY)}", "/_ministack/reset")
FROM_A_PAGE = ({"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"})


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("header", FROM_A_PAGE)
def test_a_web_page_is_refused(stack: Stack, path: str, method: str, header: dict[str, str]) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own http
        f"{stack.aws_endpoint_url}{path}", b"{}" if method == "POST" else None,
        {"Content-Type": "text/plain"} | header, method=method,
    )  # fmt: skip
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)  # noqa: S310 - as above
    assert refused.value.code == 403
    assert "Access-Control-Allow-Origin" not in refused.value.headers
