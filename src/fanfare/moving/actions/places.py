"""Places in tables that are read once per network, by name: the list of networks grows while rows are moved."""

from collections.abc import Sequence

import msgspec


class Place(msgspec.Struct, frozen=True):
    """The names that a part of a table is asked for by, and the key of the page in it, null for the first one."""

    names: tuple[str, ...]
    key: str | None = None


def list_place(cursor: str | None, parts: Sequence[tuple[str, ...]]) -> Place | None:
    """Return the place of a cursor, the first one without; None if there is no part."""
    if cursor is not None:
        return msgspec.json.decode(cursor, type=Place)
    return Place(min(parts)) if parts else None


def next_place(place: Place, key: object, parts: Sequence[tuple[str, ...]]) -> str | None:
    """Return the cursor of the page with a key, or of the first part behind this one; None behind the last one."""
    if key:
        return msgspec.json.encode(Place(place.names, str(key))).decode()
    following = [each for each in parts if each > place.names]
    return msgspec.json.encode(Place(min(following))).decode() if following else None
