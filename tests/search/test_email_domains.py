"""The criterion on email domains in search, filters, counts, statistics, members, and `why`."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.accounts.queries import account_by_id
from fanfare.kernel.data.db import Db
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.uses import plan_of
from fanfare.search.queries.conditions import checked_context
from tests.api import Api
from tests.search.crowd import SEARCH, search
from tests.segments.live import FILTERS, found_now, members, settle

ADDRESSES = {
    "ada": "ada@example.com", "bea": "Bea.B@EXAMPLE.com", "cai": "cai@mail.example.com",
    "dee": "dee@bücher.example.org", "eve": None,
}  # fmt: skip


@pytest.fixture(scope="module")
async def people(api: Api) -> dict[str, int]:
    created = {}
    for name, email in ADDRESSES.items():
        values = {"first_name": name} | ({"email": email} if email else {"phone": "+16045550123"})
        created[name] = (await api.ok(await api.post(SEARCH, **values)))["fan_id"]
    return created


@pytest.mark.parametrize(
    ("domain", "names"),
    [
        ("example.com", {"ada", "bea"}),
        (" @Example.COM ", {"ada", "bea"}),
        ("mail.example.com", {"cai"}),
        ("bücher.example.org", {"dee"}),
        ("xn--bcher-kva.example.org", {"dee"}),
        ("example.org", set()),
    ],
)
async def test_finds_the_addresses_of_a_domain(
    api: Api, db: Db, people: dict[str, int], domain: str, names: set[str]
) -> None:
    expected = {people[name] for name in names}
    assert set(await search(api, fan_email_domain=domain)) == expected
    for call in ("count", "stats"):
        answer: dict[str, Any] = await api.ok(await api.get(f"{FILTERS}/{call}", fan_email_domain=domain))
        assert answer.get("fans", answer)["fan_count"] == len(expected)
    # The index does not have domains: the tables are asked.
    account = await account_by_id(db, api.account_id)
    criteria = Criteria(fan_email_domain="example.com")
    assert plan_of(criteria, await checked_context(db, account, criteria, datetime.now(UTC))) is None


async def test_members_follow_a_changed_address(api: Api, db: Db, people: dict[str, int]) -> None:
    row = await api.ok(await api.post(FILTERS, filter_name="Staff", fan_email_domain="@EXAMPLE.com"))
    uid = row["filter_uid"]
    assert (await api.ok(await api.get(f"{FILTERS}/{uid}")))["criteria"] == {"fan_email_domain": "example.com"}
    now = datetime.now(UTC)
    await settle(db, api.account_id, now)
    assert (await members(db, api.account_id))["Staff"] == {people["ada"], people["bea"]}
    await api.ok(await api.post(f"{SEARCH}/{people['cai']}", email="cai@example.com"))
    await settle(db, api.account_id, now)
    assert (await members(db, api.account_id))["Staff"] == {people["ada"], people["bea"], people["cai"]}
    assert await members(db, api.account_id) == await found_now(db, api.account_id, now)
    why = await api.ok(await api.get(f"/api/v1/manage/segments/filter/{uid}/fans/{people['cai']}"))
    assert why["criteria"] == [
        {
            "criterion": "fan_email_domain", "wanted": {"fan_email_domain": "example.com"},
            "is_met": True, "seen": "example.com",
        }
    ]  # fmt: skip


@pytest.mark.parametrize("domain", ["example", "a b.com", "ada@example.com", "x" * 300 + ".com", "exa_mple,com"])
async def test_refuses_values_that_are_no_domains(api: Api, domain: str) -> None:
    answer = await api.get(SEARCH, fan_email_domain=domain)
    assert (answer.status_code, [each["field"] for each in answer.json()["errors"]]) == (422, ["fan_email_domain"])
