"""Campaigns with entries, for tests of draws."""

from typing import Any

from tests.api import Api


async def campaign_with(api: Api, title: str, *entries: str, ip_address: str | None = None) -> int:
    """Make a campaign with an entry of the fan of each name, in this order, and return its id."""
    for name in entries:
        await enter(api, title, name, ip_address=ip_address)
    campaigns = await api.ok(await api.get("/api/v1/crm/campaigns", q=title))
    page_tab_id: int = campaigns[0]["page_tab_id"]
    return page_tab_id


async def enter(api: Api, title: str, name: str, **values: Any) -> dict[str, int]:
    """Enter a fan, who is made if new, in a campaign."""
    fields = {name: value for name, value in values.items() if value is not None}
    answer = await api.ok(
        await api.post("/api/v1/crm/activities", email=f"{name}@example.com", campaign_title=title, **fields)
    )
    entry: dict[str, int] = answer[0]
    return entry


async def new_draw(api: Api, page_tab_id: int, **values: Any) -> str:
    """Create a draw and return its uid."""
    created = await api.ok(
        await api.post("/api/v1/manage/draws", page_tab_id=page_tab_id, **{"winner_count": 1, **values})
    )
    draw_uid: str = created["draw_uid"]
    return draw_uid


async def complete(api: Api, draw_uid: str, **values: Any) -> Any:
    """Let a draw take place and return it."""
    return await api.ok(await api.post(f"/api/v1/manage/draws/{draw_uid}/complete", **values))


async def steps(api: Api, draw_uid: str) -> list[dict[str, Any]]:
    """Return what was decided in a draw."""
    rows: list[dict[str, Any]] = await api.ok(await api.get(f"/api/v1/manage/draws/{draw_uid}/winners"))
    return rows


async def entrants(api: Api, draw_uid: str) -> list[tuple[int, int]]:
    """Return the list of a draw."""
    rows = await api.ok(await api.get(f"/api/v1/manage/draws/{draw_uid}/entrants"))
    return [(row["activity_id"], row["first_activity_id"]) for row in rows]


def list_text(rows: list[tuple[int, int]]) -> str:
    """Return the list as the text that is hashed."""
    return "".join(f"{entry},{first}\n" for entry, first in rows)
