"""The way out to the network: one client, patient with servers and bounded in its patience.

`huggingface_hub` sends all of its requests through the client that `install` gives it, and so do files at plain
addresses. So there is one place for what is tried again, when, and how often: a server that is busy or failing is asked
again after growing waits, or after as long as it says; a body that breaks off is continued from where it broke. What
cannot succeed (401, 403, 404) is not tried again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx2
from huggingface_hub import set_client_factory
from huggingface_hub.utils import parse_ratelimit_headers
from huggingface_hub.utils._http import hf_request_event_hook

log = logging.getLogger(__name__)

WAITS = (1.0, 2.0, 4.0, 8.0)
"""Seconds before each further try."""
LONGEST_WAIT = 330.0
"""Seconds that a server may ask for; the hub counts requests in windows of five minutes."""
SILENCE = httpx2.Timeout(30.0, connect=10.0)
"""Seconds without a byte after which a server counts as gone, for requests that set no limit themselves."""
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that may be different the next time."""
BROKEN = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)

pause = time.sleep


class NoAnswer(Exception):
    """A server gave no usable answer, or not all of it, in as many tries as it is given.

    It is no exception of the client's, so that `huggingface_hub` does not start over with tries of its own.
    """

    def __init__(self, reason: str, url: str) -> None:
        """Say why, and of which address."""
        super().__init__(reason)
        self.reason, self.url = reason, url


class Patient(httpx2.Client):
    """A client that tries again what may succeed."""

    def __init__(self, **options: Any) -> None:
        """Take the options of the client."""
        super().__init__(**options)
        self._down: set[str] = set()
        """Hosts that gave no answer: the next request to one is not patient, until there is an answer."""

    def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        """Send a request; what is streamed is continued where it breaks off.

        Raises:
            NoAnswer: every try failed.
        """
        if not any(request.extensions.get("timeout", {}).values()):
            request.extensions["timeout"] = SILENCE.as_dict()
        if request.method not in ("GET", "HEAD"):
            return super().send(request, stream=stream, **options)
        response = self._answer(request, stream=stream, **options)
        if stream and response.status_code in (200, 206) and "content-encoding" not in response.headers:
            response.stream = _Continued(self, response)
        return response

    def _answer(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        for tried, wait in enumerate((*WAITS, None), start=1):
            asked, unreached = None, False
            try:
                response = super().send(request, **options)
            except httpx2.ProxyError as error:
                raise NoAnswer(f"the proxy refuses ({error})", str(request.url)) from None
            except BROKEN as error:
                if request.url.host in self._down:
                    wait = None  # noqa: PLW2901
                unreached = isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout))
                reason = f"{'no network' if unreached else 'no answer'} ({_words(error, request.url)})"
            else:
                self._down.discard(request.url.host)
                if response.status_code not in PASSING:
                    return response
                response.close()
                reason = f"the server answers {response.status_code} {response.reason_phrase}"
                asked = _asked(response)
                if asked is not None and asked > LONGEST_WAIT:
                    raise NoAnswer(f"{reason} and asks to wait {asked:.0f} s", str(request.url))
            if wait is None:
                if unreached:
                    self._down.add(request.url.host)
                raise NoAnswer(reason, str(request.url))
            _wait(reason, wait if asked is None else asked, tried)
        raise AssertionError("the last try returns or raises")

    def rest(self, request: httpx2.Request, offset: int, etag: str | None) -> httpx2.Response | None:
        """The answer to a request from a byte on; None: the server does not continue, or has something else now."""
        headers = {**request.headers, "Range": f"bytes={offset}-"}
        if etag and not etag.startswith("W/"):
            headers["If-Range"] = etag
        again = httpx2.Request(request.method, request.url, headers=headers, extensions=request.extensions)
        response = self._answer(again, stream=True)
        if response.status_code == 206 and response.headers.get("content-range", "").startswith(f"bytes {offset}-"):
            return response
        response.close()
        return None


class _Continued(httpx2.SyncByteStream):
    """A body that is continued where it breaks off, as often as each try brings something."""

    def __init__(self, client: Patient, response: httpx2.Response) -> None:
        self._client, self._request, self._etag = client, response.request, response.headers.get("etag")
        self._stream = response.stream
        asked = response.request.headers.get("range", "") if response.status_code == 206 else ""
        self._offset = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0

    def __iter__(self) -> Iterator[bytes]:
        vain = 0
        while True:
            try:
                for chunk in self._stream:  # type: ignore[union-attr]
                    vain = 0
                    self._offset += len(chunk)
                    yield chunk
            except BROKEN as error:
                self.close()
                reason = f"the download broke off ({_words(error, self._request.url)})"
                if vain == len(WAITS):
                    raise NoAnswer(reason, str(self._request.url)) from None
                _wait(reason, WAITS[vain], vain + 1)
                vain += 1
                rest = self._client.rest(self._request, self._offset, self._etag)
                if rest is None:  # the one kind of break after which `huggingface_hub` itself starts over
                    raise httpx2.RemoteProtocolError(reason) from None
                self._stream = rest.stream
            else:
                return

    def close(self) -> None:
        self._stream.close()  # type: ignore[union-attr]


def _wait(reason: str, seconds: float, tried: int) -> None:
    log.warning("%s; waiting %.0f s before try %d", reason, seconds, tried + 1)
    pause(seconds)


def _asked(response: httpx2.Response) -> float | None:
    """The seconds that a server asks to wait: by Retry-After, or by the rate limits that the hub states."""
    after = response.headers.get("retry-after", "").strip()
    if after.isdigit():
        return float(after)
    limit = parse_ratelimit_headers(response.headers) if response.status_code == 429 else None
    return float(limit.reset_in_seconds) + 1 if limit is not None and limit.remaining == 0 else None


def _words(error: Exception, url: httpx2.URL) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    by_proxy = url.scheme in getproxies() and not proxy_bypass(url.host)
    return lines[0] + (", through the proxy that the environment names" if by_proxy else "")


@cache
def install() -> None:
    """Make the patient client the one that `huggingface_hub` uses in this process."""
    set_client_factory(
        lambda: Patient(event_hooks={"request": [hf_request_event_hook]}, follow_redirects=True, timeout=SILENCE)
    )
