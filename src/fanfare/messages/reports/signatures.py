"""The signature of a report, as Standard Webhooks has it: an HMAC of its id, its moment and its body.

The secret of an account is derived from the secret keys, so nothing is stored, and it rotates with them.
"""

import base64
import binascii
import hmac
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from fanfare.kernel.errors import Refusal
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.kernel.running.webhook_signatures import VERSION, digest, secret_text

PURPOSE = "messages.reports"
TOLERANCE = timedelta(minutes=5)


class WrongSignature(Refusal):
    """The signature is missing, wrong or too old"""

    status = 401


def secrets(account_id: int) -> list[str]:
    """Return the secrets with which an account's reports may be signed, the newest first."""
    return [secret_text(key) for key in _keys(account_id)]


def verify(account_id: int, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Refuse a report that is not signed with a secret of the account, or not in these minutes."""
    report_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if (
        not stamp.isascii()
        or not stamp.isdecimal()
        or abs(now.timestamp() - int(stamp[:12])) > TOLERANCE.total_seconds()
    ):
        raise WrongSignature
    signatures = list(_signatures(headers.get("webhook-signature", "")))
    is_right = False
    for key in _keys(account_id):
        expected = digest(key, report_id, stamp, body)
        for each in signatures:
            is_right |= hmac.compare_digest(expected, each)
    if not is_right:
        raise WrongSignature


def _keys(account_id: int) -> Iterator[bytes]:
    for key in secret_keys.derived(PURPOSE):
        yield hmac.digest(key, str(account_id).encode(), "sha256")


def _signatures(header: str) -> Iterator[bytes]:
    for word in header.split()[:10]:
        version, _, text = word.partition(",")
        if version == VERSION:
            try:
                yield base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError):
                continue
