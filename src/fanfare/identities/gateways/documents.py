"""Asks a provider for JSON."""

from http import HTTPStatus
from typing import Any

import msgspec
import structlog

from fanfare.kernel.errors import Unavailable
from fanfare.kernel.running.http_client import CallError, HttpAnswer, HttpRequest, http_client
from fanfare.kernel.running.shares import Busy

log = structlog.get_logger()


class ProviderUnavailable(Unavailable):
    """The identity provider does not respond, or not as it should; try again shortly"""


async def ask(request: HttpRequest, account_id: int) -> HttpAnswer:
    """Call a provider; refuses (503) when there is no answer or a fault of its own."""
    try:
        answer = await http_client.send(request, account_id)
    except (CallError, Busy) as error:
        raise unavailable(account_id, f"{type(error).__name__}: {error}") from None
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise unavailable(account_id, f"HTTP {answer.status}")
    return answer


async def document(url: str, account_id: int) -> dict[str, Any]:
    """Return the JSON object at an address; refuses (503) when there is none."""
    answer = await ask(HttpRequest("GET", url, {"Accept": "application/json"}), account_id)
    if answer.status != HTTPStatus.OK:
        raise unavailable(account_id, f"HTTP {answer.status}")
    return json_object(answer.body, account_id)


def json_object(body: bytes, account_id: int) -> dict[str, Any]:
    """Return a JSON object; refuses (503) anything else."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise unavailable(account_id, "not a JSON object") from None


def unavailable(account_id: int, reason: str) -> ProviderUnavailable:
    """Return the refusal, after a line in the log for the operator."""
    log.warning("identity provider unavailable", account_id=account_id, reason=reason)
    return ProviderUnavailable(retry_after=5)
