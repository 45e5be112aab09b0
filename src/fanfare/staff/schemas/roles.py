"""Roles and what each may do: the one table of rights, which docs/staff.md publishes and a test compares with pages."""

from collections.abc import Mapping
from typing import Literal

import msgspec

# Read, change, take data out, and see personal data: without the last, names and addresses are masked.
Right = Literal["read", "write", "export", "personal"]
RIGHTS: tuple[Right, ...] = ("read", "write", "export", "personal")
Role = Literal["full", "editor", "analyst", "legal", "custom"]
READING: frozenset[Right] = frozenset({"read", "export", "personal"})
ROLES: tuple[Role, ...] = ("full", "editor", "analyst", "legal", "custom")
CUSTOM: Role = "custom"
FULL: Role = "full"


class Area(msgspec.Struct, frozen=True):
    """A part of the Manage Centre. An account-wide one is closed to people who are limited to businesses."""

    name: str
    meaning: str
    is_account_wide: bool = False


AREAS: tuple[Area, ...] = (
    Area("home", "Figures at a glance"),
    Area("fans", "Fans, their data, merges and erasures"),
    Area("segments", "Filters, tags, snapshots and their figures"),
    Area("campaigns", "Campaigns, entries, draws and statistics"),
    Area("streams", "Streams, moderation and walls"),
    Area("performances", "Performances, portals, quests and rewards"),
    Area("tickets", "Tickets, registrations, passes and gates"),
    Area("purchases", "Purchases and products"),
    Area("points", "Points, leaderboards and idols"),
    Area("links", "Trackers, clicks and advertising"),
    Area("messages", "Templates and messages"),
    Area("reports", "Reports and links to share them"),
    Area("transfers", "Imports and exports", is_account_wide=True),
    Area("settings", "Businesses, fields, legal texts, webhooks and system state", is_account_wide=True),
    Area("keys", "API keys and their secrets", is_account_wide=True),
    Area("staff", "People, roles and invitations", is_account_wide=True),
    Area("audit", "The audit log", is_account_wide=True),
)
AREA_NAMES = tuple(area.name for area in AREAS)
WORK = tuple(area.name for area in AREAS if not area.is_account_wide)
ACCOUNT_WIDE = frozenset(area.name for area in AREAS if area.is_account_wide)
Rights = Mapping[str, frozenset[Right]]


def _rights(areas: tuple[str, ...], *rights: Right) -> dict[str, frozenset[Right]]:
    return dict.fromkeys(areas, frozenset(rights))


# What each role may do in each area; an area that is missing is closed. A custom role has its rights in the store.
TABLE: Mapping[Role, Rights] = {
    "full": _rights(AREA_NAMES, *RIGHTS),
    "editor": {**_rights(WORK, "read", "write", "export", "personal"), **_rights(("transfers",), "read", "write")},
    "analyst": _rights(WORK, "read", "export"),
    "legal": {
        **_rights(WORK, "read", "personal"),
        **_rights(("fans",), "read", "write", "export", "personal"),
        **_rights(("settings",), "read", "write"),
        **_rights(("audit",), "read", "export"),
    },
}


# The areas that the calls of a scope reach. To give a key the scope a person needs every right in all of them:
# whoever has the key can do as much.
SCOPE_AREAS: Mapping[str, tuple[str, ...]] = {
    "segments": ("segments",),
    "crm": ("fans", "campaigns", "tickets", "purchases", "points", "segments", "performances", "settings"),
    "streams": ("streams",),
    "sessions": ("fans", "campaigns", "points", "performances"),
    "idols": ("points",),
    "reports": ("reports",),
    "ads": ("links",),
    "misc": ("fans", "campaigns", "purchases", "links", "performances"),
    "apps": ("campaigns", "performances", "points", "tickets"),
    "manage": AREA_NAMES,
}


# Scopes whose calls tell nothing personal of fans.
IMPERSONAL_SCOPES = frozenset({"idols", "reports", "ads"})


def scopes_of(rights: Rights) -> frozenset[str]:
    """Return the scopes that somebody with these rights may give a key."""
    return _scopes(rights, frozenset(RIGHTS))


def reading_scopes_of(rights: Rights) -> frozenset[str]:
    """Return the scopes for a key that only reads: whoever calls takes data along, which is the right to export."""
    return _scopes(rights, READING) | (_scopes(rights, READING - {"personal"}) & IMPERSONAL_SCOPES)


def _scopes(rights: Rights, needed: frozenset[Right]) -> frozenset[str]:
    complete = {area for area, each in rights.items() if each >= needed}
    return frozenset(scope for scope, areas in SCOPE_AREAS.items() if complete >= set(areas))


def rights_of(role: str, custom_rights: Mapping[str, list[str]], *, is_limited: bool) -> Rights:
    """Return what a person may do in each area; `is_limited` to businesses, account-wide areas are closed."""
    if role == CUSTOM:
        rights: Rights = {
            area: frozenset(right for right in RIGHTS if right in custom_rights[area])
            for area in AREA_NAMES
            if custom_rights.get(area)
        }
    else:
        rights = TABLE[role]  # type: ignore[index] # the store allows no other
    return {area: each for area, each in rights.items() if not (is_limited and area in ACCOUNT_WIDE)}


def table_text() -> str:
    """Return the table of rights as docs/staff.md publishes it."""
    letters = {right: right[0] for right in RIGHTS}
    roles = [role for role in ROLES if role != CUSTOM]
    lines = [f"| Area | {' | '.join(roles)} | For those limited to businesses |", f"|---|{'---|' * (len(roles) + 1)}"]
    for area in AREAS:
        cells = [
            "".join(letters[right] for right in RIGHTS if right in TABLE[role].get(area.name, ())) or "-"
            for role in roles
        ]
        lines.append(
            f"| {area.name}: {area.meaning} | {' | '.join(cells)} | {'closed' if area.is_account_wide else 'open'} |"
        )
    return "\n".join(lines)
