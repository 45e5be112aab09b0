"""Amounts and points of one fan in the Manage Centre: how they are shown, and that a form books once."""

import re

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.people import send, signed_in
from tests.profiles.made import poster


async def new_fan(api: Api, name: str) -> int:
    return int((await poster(api)("crm/fans", email=f"{name}@example.com"))["fan_id"])


async def test_a_large_amount_is_short_and_exact(base_url: str, db: Db, api: Api) -> None:
    fan_id = await new_fan(api, "buyer")
    line = {"event_name": "Gala", "event_date": "2026-10-01", "email": "buyer@example.com", "num_seats": 1}
    line |= {"first_name": "Bo", "last_name": "Li", "paid_amount": 12345.67}
    await poster(api)("crm/tickets", ticket_key="gala", purchase_timestamp="2026-09-19 09:20:00", **line)
    async with signed_in(base_url, db, api.account_id) as client:
        text = (await client.get(f"/manage/{api.account_id}/fans/{fan_id}")).text
    assert '<span class="figure__value">$12.3K</span>' in text
    assert "$12,345.67, tickets and purchases" in text


async def test_points_are_booked_once_with_a_reason(base_url: str, db: Db, api: Api) -> None:
    fan_id = await new_fan(api, "points")
    point_uid = (await poster(api)("manage/points", point_name="Gate points"))["point_uid"]
    fan = f"/manage/{api.account_id}/fans/{fan_id}"
    page = f"{fan}/points"
    async with signed_in(base_url, db, api.account_id) as client:
        [award_uid] = re.findall(r'name="award_uid" value="([^"]+)"', (await client.get(page)).text)
        assert f'value="{award_uid}"' not in (await client.get(page)).text
        values = {"point_uid": point_uid, "reason": "Helped at the gate", "award_uid": award_uid}
        # A second press books nothing.
        for _ in range(2):
            answer = await send(client, page, point_count="-30", **values)
            assert answer.status_code == 303, answer.text
        text = (await client.get(fan)).text
        assert text.count("Helped at the gate") == 1
        assert ">\N{MINUS SIGN}30<" in text
        assert ">-60<" not in text
        assert (await send(client, page, point_count="0", **values)).status_code == 422
        # Other points by the same form are refused, with a new one.
        refused = await send(client, page, point_count="-40", **values)
        assert refused.headers["location"] == page
        assert "was booked already" in (await client.get(page)).text
    async with signed_in(base_url, db, api.account_id, "analyst") as client:
        assert (await client.get(page)).status_code == 403
