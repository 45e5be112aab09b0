"""A fan of whom every domain has something, through the calls."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from tests.api import Api

NAME = {"first_name": "Maren", "last_name": "Castellane"}
Post = Callable[..., Awaitable[Any]]


def poster(api: Api) -> Post:
    async def post(path: str, **values: Any) -> Any:
        return await api.ok(await api.post(f"/api/v1/{path}", **values))

    return post


async def made_fan(api: Api, email: str = "maren@example.com", **values: Any) -> dict[str, Any]:
    """Make a fan with a business and something of each kind that calls can make; return the ids."""
    post = poster(api)
    # Names are unique; the address is not for everybody.
    mark = email.partition("@")[0][::-1]
    business_id = (await post("manage/businesses", business_name=f"Harbour {mark}"))["business_id"]
    person = {"first_name": "Maren", "last_name": "Castellane", "birth_date": "1991-05-09", "is_subscribed": True}
    consent = {f"business_{business_id}": True, "consent_source": "season form", "consent_wording": "Yes, write me."}
    fan_id = (await post("crm/fans", email=email, **person, **consent, **values))["fan_id"]
    title = f"Vote {mark}"
    campaign = await post("manage/campaigns", title=title, app_type="custom", business_id=business_id)
    await post(f"crm/fans/{fan_id}/activities", campaign_title=title, field_goal="the late one")
    await post("manage/tags/fans", tag_name="early bird", fan_ids=[fan_id])
    await _sales(post, fan_id, email)
    await _gate(post, email)
    path = f"manage/campaigns/{campaign['page_tab_id']}"
    section = await post(f"{path}/pass_sections", section_name="Floor", capacity=5)
    await post(f"{path}/passes", section_uid=section["section_uid"], quantity=1, fan_id=fan_id)
    return {
        "mark": mark,
        "fan_id": fan_id,
        "business_id": business_id,
        "page_tab_id": campaign["page_tab_id"],
        "email": email,
    }


async def _sales(post: Post, fan_id: int, email: str) -> None:
    ticket = {"email": email, "event_date": "2026-09-27", "event_name": "Bow River", "order_key": f"HC-{email}", **NAME}
    await post(
        "crm/tickets", paid_amount=76, num_seats=2, ticket_key=f"t-{email}",
        purchase_timestamp="2026-09-19 09:20:00", **ticket,
    )  # fmt: skip
    purchase = {"order_timestamp": "2026-09-20 10:00:00", "gross_sale_amount": 30, "net_sale_amount": 25}
    purchase |= {"order_key": f"o-{email}", "merchant_key": "m", "product_name": "Scarf", "network": "shop"}
    await post("crm/purchases", purchase_key=f"p-{email}", email=email, **purchase)
    with suppress(AssertionError):
        # It may be there already.
        await post("manage/points", point_name="Harbour points")
    await post(f"crm/fans/{fan_id}/points", point_name="Harbour points", point_count=50)


async def _gate(post: Post, email: str) -> None:
    registration = {"event_name": "Tideline", "event_date": "2026-08-21", "network": "festival", "email": email}
    registration |= {"registration_key": f"r-{email}", "registration_timestamp": "2026-08-01 12:00:00"}
    await post("crm/registrations", **registration, **NAME)
    scan = {"network": "festival", "scan_group_name": "Tideline", "scan_timestamp": "2026-08-21 20:31:05"}
    scan |= {"source_key": f"s-{email}", "registration_key": f"r-{email}", "node_name": "North Gate"}
    await post("manage/registrations/scans", scans=[scan])
