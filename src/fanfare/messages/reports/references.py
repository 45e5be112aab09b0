"""The reference of a message, which it carries and which comes back with a bounce; nobody else can write one."""

import hashlib
import hmac
import re
from collections.abc import Iterator

from fanfare.kernel.running.secret_keys import secret_keys

PURPOSE = "messages.reference"
MARK_LENGTH = 24
REFERENCE = re.compile(rf"\bfm-(\d{{1,18}})-(\d{{1,18}})-([0-9a-f]{{{MARK_LENGTH}}})\b")


def reference(account_id: int, message_id: int) -> str:
    """Return the reference of a message."""
    return f"fm-{account_id}-{message_id}-{next(_marks(account_id, message_id))}"


def messages_in(text: str) -> list[tuple[int, int]]:
    """Return account and message of each reference in a text that is right, in their order, each once."""
    return list(dict.fromkeys(filter(None, map(_message, REFERENCE.finditer(text)))))


def _message(match: re.Match[str]) -> tuple[int, int] | None:
    account_id, message_id = int(match[1]), int(match[2])
    is_right = any(hmac.compare_digest(match[3], mark) for mark in _marks(account_id, message_id))
    return (account_id, message_id) if is_right else None


def _marks(account_id: int, message_id: int) -> Iterator[str]:
    for key in secret_keys.derived(PURPOSE):
        yield hmac.new(key, f"{account_id}:{message_id}".encode(), hashlib.sha256).hexdigest()[:MARK_LENGTH]
