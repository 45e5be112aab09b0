"""What the source itself counts: the report compares it with what was read."""

from collections.abc import Awaitable, Callable

from fanfare.moving.actions.state import Move
from fanfare.moving.gateways import RefusedCall

# Fans of a search whose count the source tells.
MAX_ROWS = 1_000_000
# Until a source has counted the fans of a search.
CALLS = 5


def length_of(path: str) -> Callable[[Move], Awaitable[int | None]]:
    """Return what counts the rows of a list that a call gives as a whole."""

    async def count(move: Move) -> int | None:
        try:
            answer = await move.source.get(path)
        except RefusedCall:
            return None
        rows = answer.get("data") if isinstance(answer, dict) else answer
        return len(rows) if isinstance(rows, list) else None

    return count


async def fan_count(move: Move) -> int | None:
    """Return the number of fans, by a search for all of them; None where its answer has none."""
    search_uid = None
    for _ in range(CALLS):
        try:
            answer = await move.source.get("/api/v1/crm/fans", limit=1, max_count=MAX_ROWS, search_uid=search_uid)
        except RefusedCall:
            return None
        meta = answer.get("meta") if isinstance(answer, dict) else None
        if not isinstance(meta, dict):
            return None
        # One may be the number of rows of this page.
        if isinstance(count := meta.get("count"), int):
            return count if 1 < count < MAX_ROWS else None
        search_uid = meta.get("search_uid")
    return None
