"""An erased fan is gone from every table; a certificate says so. S14."""

import hashlib
import json
import secrets
import uuid
from typing import Any

from fanfare.kernel.data.db import Db
from fanfare.kernel.parameters import slots
from fanfare.kernel.web.endpoint import Endpoint
from tests import calls
from tests.api import Api, new_api

MANAGE = "/api/v1/manage"
# Calls that write about a fan, in the order in which they are made; those below by the mail address.
ABOUT = [
    "crm_fans_create", "crm_fans_update", "manage_fans_identifiers_add", "yinzcam_push_tokens_save",
    "crm_fan_activities_create", "manage_campaign_events_create", "manage_campaign_wagers_create",
    "crm_fan_points_award", "crm_fan_points_add", "crm_fan_registrations_create", "crm_fan_idols_save",
    "crm_fan_performances_add", "crm_fan_events_add", "manage_passes_create",
    "crm_activities_create", "sessions_activity_create", "sessions_wifi",
    "crm_purchases_upsert", "crm_tickets_create", "crm_registrations_create",
]  # fmt: skip
# What is not about the person though a call about a fan names it: things, their kinds, and the keys of orders and of
# lines, by which a line that is sent again stays a duplicate.
THINGS = {
    "campaign_title", "campaign_name", "activity_name", "tag_names", "idol_name", "idol_names", "point_type",
    "point_source", "stream_key", "product_key",
    "product_name", "product_category", "currency", "order_key", "purchase_key", "merchant_key", "location_key",
    "network", "ticket_key", "event_name", "event_key", "venue_name", "venue_province", "artist_name", "promoter",
    "registration_key", "tag_name", "gate_name", "fan_source", "outlet", "price_code", "country",
}  # fmt: skip


class Planting:
    """Calls with a unique token in every text that they take."""

    def __init__(self, api: Api, values: dict[str, Any], email: str) -> None:
        self.api = api
        self.values = values
        self.email = email
        self.planted: dict[str, str] = {}
        self.user_key = self.token("user_key")

    def token(self, place: str) -> str:
        token = f"tok{secrets.token_hex(6)}"
        self.planted[token] = place
        return token

    def texts(self, endpoint: Endpoint) -> dict[str, Any]:
        """Return a text for each parameter that may take one."""
        values: dict[str, Any] = {}
        for slot in slots(endpoint.params) if endpoint.params else ():
            place = f"{endpoint.call_id}/{slot.name}"
            if slot.prefix == "field_":
                values[f"field_{self.values['crm_field_key']}"] = self.token(place)
            elif slot.prefix == "props_" or slot.name == "props":
                values["props" if not slot.prefix else "props_note"] = (
                    {"note": self.token(place)} if not slot.prefix else self.token(place)
                )
            elif not slot.prefix and slot.wire_names[0] not in calls.in_path(endpoint):
                values[slot.wire_names[0]] = self.token(place)
        return values

    async def call(self, call_id: str, fan_id: int | None) -> Any:
        """Make a call with all texts that it takes, and leave out those that it refuses."""
        (endpoint,) = [each for each in calls.ENDPOINTS if each.call_id == call_id]
        fixed = {"email": self.email} if "email" in calls.parameters(endpoint) else {}
        # The tokens of devices are the fan's by the identity on this network.
        if call_id == "manage_fans_identifiers_add":
            fixed |= {"network": "yinzcam", "identifier_value": self.user_key}
        elif call_id == "yinzcam_push_tokens_save":
            fixed["user_key"] = self.user_key
        right = calls.right(endpoint, {**self.values, **({"fan_id": fan_id} if fan_id else {})})
        ids = {*calls.ids(endpoint), "point_name"} - calls.CHOSEN
        keep = {name for name in right if name in ids}
        values = {**right, **self.texts(endpoint), **{name: right[name] for name in keep}, **fixed}
        problems = []
        for _ in range(8):
            headers = {**self.api.keys, "Idempotency-Key": uuid.uuid4().hex}
            path = endpoint.path.replace("{fan_id}", str(fan_id))
            path = path.replace("{page_tab_id}", str(values.get("page_tab_id")))
            answer = await self.api.client.post(path, json=values, headers=headers)
            if answer.status_code == 200:
                return answer.json()
            problems.append(answer.text)
            if answer.status_code == 404:
                # Names of things that are not there.
                values = {**right, **fixed}
            for error in answer.json().get("errors", []):
                name = error["field"].partition("[")[0]
                values.pop(name, None)
                values |= {name: right[name]} if name in right else {}
        raise AssertionError((call_id, problems[-1]))


async def leftovers(db: Db, tokens: dict[str, str]) -> set[tuple[str, str]]:
    """Return the tables that still hold tokens, each with where the token was planted."""
    result = set()
    tables = await db.rows(
        "select table_schema || '.' || table_name as name from information_schema.tables"
        " where table_schema in ('public', 'jobs') and table_type = 'BASE TABLE'"
    )
    for row in tables:
        texts = await db.value(f"select string_agg(lower(t::text), ' ') from {row['name']} t") or ""
        for token, place in tokens.items():
            if token in texts or token.encode().hex() in texts:
                result.add((row["name"], place))
    return result


async def test_nothing_of_an_erased_fan_is_left(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api:
        values = await calls.made_values(api)
        email = f"tok{secrets.token_hex(6)}@example.com"
        planting = Planting(api, values, email)
        planting.planted[email.partition("@")[0]] = "email"
        fan_id: int | None = None
        for call_id in ABOUT:
            created = await planting.call(call_id, fan_id)
            fan_id = fan_id or created["fan_id"]
        assert fan_id is not None
        await absorb(api, planting, fan_id)
        await ask(api, email)
        locked = await leftovers(db, planting.planted)
        places = {place for _, place in locked}
        assert len(places) > 40
        answer = await api.ok(await api.post(f"{MANAGE}/fans/{fan_id}/erase", {"Idempotency-Key": "erase"}))
        remaining = await leftovers(db, planting.planted)
        assert {each for each in remaining if each[1].partition("/")[2] not in THINGS} == set()
        assert {"public.fans", "public.consents", "public.activities", "public.merged_rows", "public.searches",
                "public.filters", "public.idempotency_keys"} <= {table for table, _ in locked}  # fmt: skip
        await check_certificate(api, answer, fan_id)


async def absorb(api: Api, planting: Planting, fan_id: int) -> None:
    """Merge another fan into this one, whose former record is then noted."""
    word = planting.token("absorbed")
    second = await api.ok(await api.post("/api/v1/crm/fans", email=f"{word}@example.com", first_name=word))
    await api.ok(await api.post(f"{MANAGE}/tags/fans", tag_name="early bird", emails=[f"{word}@example.com"]))
    await api.ok(await api.post(f"{MANAGE}/fans/{fan_id}/merge", merged_fan_id=second["fan_id"]))


async def ask(api: Api, email: str) -> None:
    """Ask for the fan by address: in a search, and in a filter that is stored."""
    await api.ok(await api.get("/api/v1/crm/fans", name=email.upper()))
    await api.ok(await api.post(f"{MANAGE}/filters", filter_name="One of them", name=email))


async def check_certificate(api: Api, text: dict[str, Any], fan_id: int) -> None:
    assert text["fan_id"] == fan_id
    assert len(text["former_fan_ids"]) == 1
    counts = {each["table_name"]: (each["deleted_count"], each["cleared_count"]) for each in text["tables"]}
    assert counts["fans"][0] == 1
    assert counts["fan_identifiers"][0] >= 3
    # Of the calls in ABOUT four record what the fan did.
    assert counts["activities"] == (0, 4)
    rest = {name: value for name, value in text.items() if name != "digest"}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    assert text["digest"] == hashlib.sha256(canonical.encode()).hexdigest()
    assert await api.ok(await api.get(f"{MANAGE}/erasures/{text['erasure_id']}")) == text
    for each in (fan_id, text["former_fan_ids"][0]):
        page = await api.ok(await api.get(f"{MANAGE}/erasures", fan_id=each, limit=1))
        assert page == {"meta": {"min_erasure_id": text["erasure_id"], "count": 1, "has_more": False}, "data": [text]}
        assert (await api.get(f"/api/v1/crm/fans/{each}")).status_code == 404
        assert (await api.post(f"{MANAGE}/fans/{each}/erase")).status_code == 404
    # The key stays used: the same request has its one effect, and an answer about nobody.
    again = await api.post(f"{MANAGE}/fans/{fan_id}/erase", {"Idempotency-Key": "erase"})
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")


async def test_amounts_stay_without_the_person(api: Api, db: Db) -> None:
    fan = await api.ok(await api.post("/api/v1/crm/fans", email="amounts@example.com"))
    keys = {name: uuid.uuid4().hex for name in ("purchase_key", "order_key", "merchant_key", "customer_key")}
    amounts = {"gross_sale_amount": 5, "net_sale_amount": 4, "order_timestamp": "2026-05-01 17:30:00"}
    await api.ok(
        await api.post("/api/v1/crm/purchases", network="shop", email="amounts@example.com", **keys, **amounts)
    )
    await api.ok(await api.delete(f"/api/v1/crm/fans/{fan['fan_id']}"))
    row = await db.row(
        "select fan_id, email, customer_key, net_sale_amount from purchases"
        " where account_id = $1 and purchase_key = $2",
        api.account_id,
        keys["purchase_key"],
    )
    assert row is not None
    assert tuple(row) == (None, None, None, 4)
    page = await api.ok(await api.get(f"{MANAGE}/erasures", fan_id=fan["fan_id"]))
    assert [each["erasure_source"] for each in page["data"]] == ["crm_fans_delete"]
