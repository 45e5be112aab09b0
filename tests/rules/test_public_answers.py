"""S4: no public answer has personal data, and none names a hidden fan.

In one account each call that writes is made with marked personal data wherever it takes any, and all fans but one are
hidden. Then each call that needs only the public key is made by its example and with each of its parameters.
"""

import copy
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from fanfare.kernel.callers import PUBLIC
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import Endpoint
from tests import calls
from tests.api import Api
from tests.rules.twins import large_ids, tables

# A personal value for each parameter; `{}` is another number for each call, so that no two fans share a value.
MARKED = {
    "email": "zqx{}@example.com",
    "phone": "+1604284{:04}",
    "first_name": "Zqxada{}",
    "last_name": "Zqxokoro{}",
    "birth_date": "1931-10-17",
    "address": "{} Zqx Street",
    "city": "Zqxville",
    "country": "CA",
    "postal_code": "V6Z 1Z7",
    "ip_address": "203.0.113.77",
    "user_key": "zqx-user-{}",
    "customer_key": "zqx-customer-{}",
    "identifier_value": "zqx-identifier-{}",
    "password": "zqx-password-{}",
    "push_token": "zqx-token-{}-of-a-device-of-somebody",
}
# These belong to places, gates and portals as well, so they are personal only beside one of the others.
CONTACT = {"email", "phone", "first_name"}
AMBIGUOUS = {"city", "country", "address", "postal_code", "ip_address", "password"}
# What shows that a value was marked, in an answer without case and punctuation.
MARKS = ("zqx", "604284", "19311017", "v6z1z7", "203011377")
PUBLIC_CALLS = [each for each in calls.ENDPOINTS if each.key == PUBLIC]
# To whoever holds a fan's session, or sends the fan's address, these name that fan, and one shows what is known of it.
NAMING_OWN_FAN = {
    "sessions_connect", "sessions_activity_create", "sessions_get", "sessions_fan_get", "sessions_fan_update",
    "sessions_fan_points", "sessions_passkeys_create", "sessions_passkeys_list",
    "sessions_reward_claims_list", "sessions_rewards_claim",
}  # fmt: skip
SHOWING_OWN_FAN = {"sessions_fan_get"}
NAMING_FANS = ("campaigns_leaderboard", "campaigns_fan_points", "campaigns_fan_activities")


class Account(NamedTuple):
    """An account with marked fans, of whom one is not hidden."""

    api: Api
    values: calls.Values
    visible_id: int
    hidden: list[int]
    page_tab_ids: list[int]


def squeezed(text: str) -> str:
    return re.sub(r"[\W_]", "", text.lower())


def marks_in(text: str) -> list[str]:
    return [mark for mark in MARKS if mark in squeezed(text)]


def marked(endpoint: Endpoint, values: calls.Values, number: int) -> calls.Values:
    """Return right parameters of a call in which each personal value is marked."""
    names = set(calls.parameters(endpoint))
    personal = names & set(MARKED) - (AMBIGUOUS if not names & CONTACT else set())
    fields = {**calls.right(endpoint, values), **{name: MARKED[name].format(number) for name in personal}}
    if "field_" in names:
        fields[f"field_{values['crm_field_key']}"] = "zqx hat"
    return fields


@pytest.fixture(scope="module")
async def account(api: Api, db: Db) -> Account:
    await large_ids(db)
    values = await calls.made_values(api)
    writes = [each for each in calls.in_order() if each.method == "POST" and each.call_id != "manage_campaigns_close"]
    for number, endpoint in enumerate(writes):
        answer = await calls.send(api, endpoint, marked(endpoint, values, number))
        assert answer.status_code == 200, (endpoint.call_id, answer.text)
    rows = await db.rows("select fan_id from fans where account_id = $1 order by fan_id", api.account_id)
    fans = [row["fan_id"] for row in rows]
    award = {"point_uid": values["point_uid"], "page_tab_id": values["page_tab_id"], "point_count": 7}
    for fan_id in fans:
        await api.ok(await api.post("/api/v1/crm/fan_points", **award, fan_id=fan_id))
        await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}/activities", campaign_title="Half-time quiz"))
        is_hidden = fan_id != values["fan_id"]
        await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/visibility", is_hidden=is_hidden))
    hidden = [fan_id for fan_id in fans if fan_id != values["fan_id"]]
    await api.ok(await api.post(f"/api/v1/manage/campaigns/{values['page_tab_id']}/close", winner_fan_id=hidden[0]))
    campaigns = await api.ok(await api.get("/api/v1/crm/campaigns"))
    return Account(api, values, values["fan_id"], hidden, [row["page_tab_id"] for row in campaigns])


def variants(endpoint: Endpoint, account: Account) -> Iterator[calls.Values]:
    """Yield parameters: the right ones for each campaign, and with each other parameter."""
    for page_tab_id in account.page_tab_ids if "page_tab_id" in calls.in_path(endpoint) else (None,):
        fields = calls.right(endpoint, {**account.values, "page_tab_id": page_tab_id})
        yield fields
        for name in set(calls.parameters(endpoint)) - calls.in_path(endpoint):
            yield {**fields, name: True}
            yield {**fields, name: account.values.get(name, "1")}


async def answers_of(endpoint: Endpoint, account: Account) -> list[Any]:
    """Return what a call with the public key alone answers."""
    public = copy.copy(account.api)
    public.keys = {"Api-Key": account.api.keys["Api-Key"]}
    return [await calls.send(public, endpoint, fields) for fields in variants(endpoint, account)]


@pytest.mark.parametrize("endpoint", PUBLIC_CALLS, ids=lambda each: each.call_id)
async def test_a_public_call_returns_no_personal_data_and_no_hidden_fan(endpoint: Endpoint, account: Account) -> None:
    result = await answers_of(endpoint, account)
    assert result[0].status_code == 200, result[0].text
    for answer in result:
        text = f"{answer.text} {answer.headers}"
        assert marks_in(text) == [] or endpoint.call_id in SHOWING_OWN_FAN, text
        hidden = [fan_id for fan_id in account.hidden if str(fan_id) in text]
        assert hidden == [] or endpoint.call_id in NAMING_OWN_FAN
    assert endpoint.call_id not in NAMING_FANS or any(str(account.visible_id) in answer.text for answer in result)


async def test_there_is_personal_data_to_see(account: Account, db: Db) -> None:
    rows = [
        await db.rows(f"select t::text from {table} t where account_id = $1", account.api.account_id)
        for table in await tables(db)
    ]
    assert marks_in(str(rows)) == list(MARKS)
    assert len(account.hidden) > 5
    board = await account.api.ok(
        await account.api.get(
            f"/api/v1/crm/campaigns/{account.values['page_tab_id']}/leaderboard", show_hidden=True, limit=100
        )
    )
    assert {row["fan_id"] for row in board} >= set(account.hidden)
