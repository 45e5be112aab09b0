"""Links as visitors follow them."""

import itertools
import uuid
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.running import PATIENCE

SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.3 Mobile/15E148 Safari/604.1"
)
TARGET = "https://shop.example.com/tickets"
NUMBERS = itertools.count(1)


async def new_tracker(api: Api, **fields: Any) -> dict[str, Any]:
    """Create a tracker on the operator's domain; no two have the same name."""
    values = {
        "virtual_domain": "localhost",
        "target_url": TARGET,
        "tracker_name": f"Spring mail {next(NUMBERS)}",
        "tracker_group_name": "Mail",
    }
    saved: dict[str, Any] = await api.ok(await api.post("/api/v1/trackers", **{**values, **fields}))
    return saved


def browser(base_url: str, **headers: str) -> httpx.AsyncClient:
    """Return a browser without cookies, which follows no redirect."""
    return httpx.AsyncClient(base_url=base_url, headers={"User-Agent": SAFARI, **headers}, timeout=PATIENCE)


async def click(base_url: str, tracker_key: str, query: str = "", **headers: str) -> httpx.Response:
    """Follow a link in a browser that was never there."""
    # Each click has an agent of its own, so that it is no double tap of the one before.
    agent = headers.pop("agent", f"{SAFARI} [{uuid.uuid4().hex[:6]}]")
    async with browser(base_url, **{"User-Agent": agent, **headers}) as client:
        return await client.get(f"/trk/{tracker_key}{query}")


def query_of(response: httpx.Response) -> dict[str, str]:
    """Return the query of the URL that a response redirects to."""
    return dict(parse_qsl(urlsplit(response.headers["location"]).query, keep_blank_values=True))


async def rows(db: Db, tracker_id: int) -> list[Any]:
    """Return the clicks of a tracker."""
    return await db.rows("select * from tracker_clicks where tracker_id = $1 order by click_id", tracker_id)


async def figures(api: Api, tracker_id: int) -> dict[str, Any]:
    """Return a tracker with its figures."""
    result: dict[str, Any] = await api.ok(await api.get(f"/api/v1/trackers/{tracker_id}"))
    return result
