"""Places in tables that are read once per network, by name: the list of networks grows while rows are moved."""

from collections.abc import Sequence

import msgspec

from fanfare.moving.schemas import Place, place_of


def list_place(cursor: str | None, parts: Sequence[tuple[str, ...]]) -> Place | None:
    """Return the place of a cursor, the first one without; None if there is no part."""
    if cursor is not None:
        return place_of(cursor)
    return Place(min(parts)) if parts else None


def next_place(place: Place, key: object, parts: Sequence[tuple[str, ...]]) -> str | None:
    """Return the cursor of the page with a key, or of the first part behind this one; None behind the last one."""
    if key:
        return msgspec.json.encode(Place(place.names, str(key))).decode()
    following = [each for each in parts if each > place.names]
    return msgspec.json.encode(Place(min(following))).decode() if following else None
