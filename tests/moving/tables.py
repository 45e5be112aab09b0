"""Reads each table of an account over HTTP, with names in place of ids, so that two accounts can be compared."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tests.api import Api

FIRST, LAST = "2000-01-01", "2199-01-01"
# Ids, and what each server computes by itself.
LEFT_OUT = frozenset(
    {
        "account_id", "activity_id", "attributed_purchase_amount", "attributed_purchase_count", "business_id",
        "campaign_id", "click_counts", "event_uid", "fan_id", "fan_point_uid", "fan_time_key", "idol_event_uid",
        "idol_uid", "last_page_tab_id", "last_update_timestamp", "last_update_timestamp_iso", "last_updated_timestamp",
        "merged_fan_ids", "other_currency_amounts", "page_tab_id", "performance_uid", "point_uid", "rating",
        "referral_page_tab_id", "refusal", "reward_uid", "scan_key", "session_uid", "tag_id", "ticket_id",
        "total_tracker_click_count", "tracker_id", "tracker_url", "virtual_domain", "winner_fan_id", "fan_count",
        "opted_in_business_ids", "media_uid", "items", "page_tab_ids", "fan_source",
    }
)  # fmt: skip


class Account:
    """The tables of an account."""

    def __init__(self, api: Api, networks: Iterable[str], groups: Iterable[str]) -> None:
        self.api = api
        self.networks = sorted(networks)
        self.groups = sorted(groups)
        self.names: dict[str, dict[Any, str]] = {}

    async def get(self, path: str, **params: Any) -> Any:
        return await self.api.ok(await self.api.get(f"/api/v1/{path}", **params))

    async def tables(self) -> dict[str, Counter[str]]:
        """Return the rows of each table, each as a text, and how often it occurs."""
        rows = await self._rows()
        return {table: Counter(self._text(row) for row in each) for table, each in rows.items()}

    def _text(self, row: Mapping[str, Any]) -> str:
        """Return a row with the names of what it refers to in place of ids."""
        values = {name: value for name, value in row.items() if name not in LEFT_OUT}
        for name, kind in (
            ("fan_id", "fan"), ("winner_fan_id", "fan"), ("page_tab_id", "campaign"), ("business_id", "business"),
            ("referral_page_tab_id", "campaign"), ("idol_uid", "idol"), ("performance_uid", "performance"),
        ):  # fmt: skip
            if row.get(name) is not None:
                values[f"{kind} of {name}"] = self.names[kind].get(row[name])
        for name in ("tags", "fields", "idol_labels"):
            if name in values:
                values[name] = sorted(values[name])
        if "opted_in_business_ids" in row:
            values["businesses"] = sorted(self.names["business"][each] for each in row["opted_in_business_ids"])
        return json.dumps(values, sort_keys=True)

    async def _rows(self) -> dict[str, list[Any]]:
        fans = (await self.get("crm/fans/latest"))["data"]
        rows = {
            "fans": fans,
            "businesses": await self.get("businesses"),
            "fields": await self.get("crm/fields"),
            "idols": await self.get("idols"),
            "campaigns": await self.get("crm/campaigns"),
            "campaign pages": await self.get("campaigns"),
            "performances": await self.get("performances"),
            "idol events": await self.get("idols/events"),
            "ticket events": (await self.get("crm/tickets/events"))["data"],
            "tickets": await self._ascending("crm/tickets", "ticket_id", include_deleted="true"),
            "activities": await self._ascending("crm/activities", "activity_id"),
            "points": await self.get("crm/fan_points", start_date=FIRST, end_date=LAST, limit=10_000),
            "tags": await self.get("crm/tags"),
            "trackers": await self.get("trackers"),
            "registrations": (await self.get("crm/registrations", start_date=FIRST, end_date=LAST, limit=1000))["data"],
            "purchases": await self._purchases(),
            "scans": await self._scans(),
        }
        self._name(rows)
        for path in ("identifiers", "idols", "points"):
            rows[f"{path} of fans"] = await self._of_fans(path, [row["fan_id"] for row in fans])
        return rows

    def _name(self, rows: dict[str, list[Any]]) -> None:
        """Note the names that ids stand for."""
        self.names = {
            "fan": {row["fan_id"]: row["email"] or row["phone"] or row["creation_timestamp"] for row in rows["fans"]},
            "campaign": {row["page_tab_id"]: row["title"] for row in rows["campaigns"]},
            "business": {row["business_id"]: row["business_name"] for row in rows["businesses"]},
            "idol": {row["idol_uid"]: row["idol_name"] for row in rows["idols"]},
            "performance": {row["performance_uid"]: row["performance_name"] for row in rows["performances"]},
        }

    async def _of_fans(self, path: str, fan_ids: list[int]) -> list[Any]:
        turn = asyncio.Semaphore(8)

        async def one(fan_id: int) -> list[Any]:
            async with turn:
                return [{**row, "fan_id": fan_id} for row in await self.get(f"crm/fans/{fan_id}/{path}")]

        return [row for rows in await asyncio.gather(*map(one, fan_ids)) for row in rows]

    async def _ascending(self, path: str, key: str, **params: Any) -> list[Any]:
        rows: list[Any] = []
        while page := (await self.get(path, **{f"min_{key}": rows[-1][key] if rows else 0}, **params))["data"]:
            rows += page
        return rows

    async def _purchases(self) -> list[Any]:
        window = {"start_date": FIRST, "end_date": LAST}
        return [
            row for each in self.networks for row in (await self.get("crm/purchases", network=each, **window))["data"]
        ]

    async def _scans(self) -> list[Any]:
        rows: list[Any] = []
        for group in self.groups:
            for network in self.networks:
                window = {"start_date": FIRST, "end_date": LAST, "scan_group_name": group, "network": network}
                rows += (await self.get("crm/registrations/scans", **window))["data"]
        return rows
