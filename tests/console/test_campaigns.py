"""Pages of campaigns and draws over HTTP: what they save, what they hide, whom they let see it."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.people import send, signed_in
from tests.draws.entries import campaign_with, complete, enter, new_draw


@pytest.fixture
async def client(base_url: str, db: Db, api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(base_url, db, api.account_id) as client:
        yield client


def root(api: Api) -> str:
    return f"/manage/{api.account_id}/campaigns"


async def created(client: httpx.AsyncClient, api: Api, **fields: Any) -> int:
    """Create a campaign by the form and return its id."""
    answer = await send(client, f"{root(api)}/new?app_type=quiz", app_type="quiz", is_active="true", **fields)
    assert answer.status_code == 303, answer.text
    return int(answer.headers["location"].rpartition("/")[2])


async def test_times_are_those_of_the_zone(client: httpx.AsyncClient, api: Api) -> None:
    campaign = await created(
        client, api, title="Zoned", start="2026-07-01T18:00", end="2026-07-02T18:00", timezone="Europe/Berlin"
    )
    details = await api.ok(await api.get(f"/api/v1/campaigns/{campaign}"))
    assert details["start_timestamp"] == 1782921600  # 16:00 in GMT
    edit = await client.get(f"{root(api)}/{campaign}/edit")
    assert 'value="2026-07-01T18:00"' in edit.text
    wrong = await send(
        client, f"{root(api)}/{campaign}/edit", title="Z", start="2026-07-02T18:00", end="2026-07-01T18:00"
    )
    assert wrong.status_code == 422
    assert "must be later than the start" in wrong.text


async def test_form_and_texts_are_saved_beside_other_props(client: httpx.AsyncClient, api: Api) -> None:
    campaign = await created(client, api, title="Form")
    await api.ok(
        await api.post(f"/api/v1/manage/campaigns/{campaign}", props={"level": 3}, locale_props={"en": {"x": 1}})
    )
    path = f"{root(api)}/{campaign}/texts"
    fields = {
        "field_0_name": "size",
        "field_0_label": "Shirt size",
        "field_0_kind": "choice",
        "field_0_choices": "S, M",
    }
    texts = {"text_en_headline": "Win a shirt", "text_de_legal_rules": "https://example.com/regeln"}
    answer = await send(
        client, path, **fields, field_2_name="news", field_2_kind="check", field_2_required="true", **texts
    )
    assert answer.status_code == 303, answer.text
    details = await api.ok(await api.get(f"/api/v1/campaigns/{campaign}"))
    assert details["props"] == {
        "level": 3,
        "form_fields": [
            {"name": "size", "label": "Shirt size", "kind": "choice", "is_required": False, "choices": ["S", "M"]},
            {"name": "news", "label": "news", "kind": "check", "is_required": True},
        ],
    }
    assert details["locale_props"] == {
        "en": {"x": 1, "headline": "Win a shirt"}, "de": {"legal_rules": "https://example.com/regeln"},
    }  # fmt: skip
    assert "Win a shirt" in (await client.get(path)).text


async def test_a_field_of_a_form_has_a_name_of_its_own(client: httpx.AsyncClient, api: Api) -> None:
    campaign = await created(client, api, title="Twice")
    twice = await send(client, f"{root(api)}/{campaign}/texts", field_0_name="a", field_1_name="a")
    assert twice.status_code == 422


async def test_each_kind_has_a_name(base_url: str, db: Db, api: Api) -> None:
    for kind, german in (("form", "Formular"), ("quest", "Aufgabe")):
        campaign = await api.ok(await api.post("/api/v1/manage/campaigns", title=f"Of {kind}", app_type=kind))
        async with signed_in(base_url, db, api.account_id) as client:
            answer = await client.get(f"{root(api)}/{campaign['page_tab_id']}", headers={"accept-language": "de"})
        assert f"<dd>{german}</dd>" in answer.text


async def test_a_role_without_personal_data_sees_no_name(base_url: str, db: Db, api: Api) -> None:
    campaign = await campaign_with(api, "Masked", "zacharias")
    await enter(api, "Masked", "zoraida", first_name="Zoraida", field_wish="Hello Zoraida")
    draw = await new_draw(api, campaign, winner_count=2)
    await complete(api, draw)
    paths = [f"{root(api)}/{campaign}{rest}" for rest in ("", "/entries", "/standings", "/board", f"/draws/{draw}")]
    async with signed_in(base_url, db, api.account_id, "analyst") as client:
        texts = [(await client.get(path)).text for path in paths]
        download = await client.get(f"{root(api)}/{campaign}/entries/download")
    assert not any(re.search("zacharias|zoraida", text, re.IGNORECASE) for text in [*texts, download.text])
    assert "z…@e…" in download.text
    async with signed_in(base_url, db, api.account_id) as client:
        assert "zacharias@example.com" in (await client.get(paths[1])).text
        answer = await client.get(f"{root(api)}/{campaign}/entries/download")
    # The mark by which spreadsheets know UTF-8.
    assert answer.content[:3] == b"\xef\xbb\xbf"
    text = answer.text
    assert len(text.splitlines()) == 3
    assert "Hello Zoraida" in text


async def test_people_of_a_business_see_its_campaigns_alone(
    base_url: str, db: Db, api: Api, client: httpx.AsyncClient
) -> None:
    one, two = [
        (await api.ok(await api.post("/api/v1/manage/businesses", business_name=name)))["business_id"]
        for name in ("Club", "Hall")
    ]
    ours, theirs = [await created(client, api, title=f"Of {each}", business_id=str(each)) for each in (one, two)]
    draw = await new_draw(api, theirs)
    async with signed_in(base_url, db, api.account_id, business_ids=[one]) as limited:
        listed = (await limited.get(root(api))).text
        assert f"Of {one}" in listed
        assert f"Of {two}" not in listed
        assert "Of " not in (await limited.get(f"{root(api)}?business_ids={two}")).text
        assert (await limited.get(f"{root(api)}/{ours}")).status_code == 200
        for rest in ("", "/entries", "/board", "/draws", "/edit", f"/draws/{draw}", f"/draws/{draw}/list"):
            assert (await limited.get(f"{root(api)}/{theirs}{rest}")).status_code == 404, rest
        # The draw of another campaign is not there under one's own.
        assert (await limited.get(f"{root(api)}/{ours}/draws/{draw}")).status_code == 404
        wrong = await send(limited, f"{root(api)}/new?app_type=quiz", app_type="quiz", title="X", business_id=str(two))
        assert wrong.status_code == 422


async def test_the_list_is_filtered_and_goes_on(client: httpx.AsyncClient, api: Api) -> None:
    for number in range(52):
        await created(client, api, title=f"Row {number:02}")
    page = await client.get(f"{root(api)}?q=row&app_type=quiz&campaign_state=open")
    assert page.text.count(">Row ") == 50
    link = re.search(r'href="([^"]+cursor=[^"]+)"', page.text)
    assert link
    rest = await client.get(link[1].replace("&amp;", "&"))
    assert [title in rest.text for title in ("Row 01", "Row 00", "Row 02")] == [True, True, False]
    assert "No campaign is like this" in (await client.get(f"{root(api)}?q=nothing-like-it")).text
    assert "No campaign is like this" in (await client.get(f"{root(api)}?q=row&campaign_state=closed")).text
