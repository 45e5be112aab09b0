"""The audit log on its page: what changed is said in words, by fields, before and after."""

import re

import httpx
import pytest

from fanfare.console.schemas.changes import FIELDS, THINGS
from fanfare.kernel.data.db import Db
from fanfare.staff.actions.audit import SUBJECTS
from tests.api import new_api
from tests.console.people import send, signed_in
from tests.console.visits import many_visits

__all__ = ["many_visits"]
COLUMN = re.compile(r"(?:\bas )?(\w+)\s*(?:,|$)")


async def text_of(client: httpx.AsyncClient, account_id: int, language: str = "en") -> str:
    """Return the first page of the log without tags."""
    answer = await client.get(f"/manage/{account_id}/audit", params={"language": language})
    assert answer.status_code == 200
    main = answer.text.partition('id="entries"')[2].partition("</main>")[0]
    assert "{" not in main
    return " ".join(re.sub("<[^>]*>", " ", main).split())


@pytest.mark.parametrize(("language", "words"), [("en", "Name Tideline Tideline Festival"), ("de", "Vorher Nachher")])
async def test_a_change_is_told_by_fields(base_url: str, db: Db, language: str, words: str) -> None:
    async with new_api(base_url, db) as api, signed_in(base_url, db, api.account_id) as client:
        new = {"business_name": "Tideline", "style_props": {"brand_color": "#00a6a6", "api_secret": "Geheimnis"}}
        saved = await api.ok(await api.post("/api/v1/manage/businesses", **new))
        path = f"/api/v1/manage/businesses/{saved['business_id']}"
        await api.ok(await api.post(path, business_name="Tideline Festival", legal_terms="All are welcome."))
        text = await text_of(client, api.account_id, language)
        assert words in text
        assert "brand_color #00a6a6" in text
        assert "Geheimnis" not in text


async def test_what_is_new_or_deleted_says_so(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, signed_in(base_url, db, api.account_id) as client:
        tag = await api.ok(await api.post("/api/v1/manage/tags", tag_name="season 2027"))
        assert "Tag: new Before and after Field Value after Name season 2027" in await text_of(client, api.account_id)
        await api.ok(await api.delete(f"/api/v1/manage/tags/{tag['tag_id']}"))
        assert "Tag: deleted Before and after Field Value before Name season 2027" in await text_of(
            client, api.account_id
        )


async def test_times_numbers_and_flags_are_in_words(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, signed_in(base_url, db, api.account_id) as client:
        values = {"title": "Quiz", "app_type": "custom", "start_timestamp": 1783110600, "is_active": True}
        await api.ok(await api.post("/api/v1/manage/campaigns", **values))
        text = await text_of(client, api.account_id)
        assert "Starts at Jul 3, 2026, 13:30" in text
        assert "Is on yes" in text


def test_every_column_of_the_log_has_a_name() -> None:
    columns: set[str] = set()
    for subject in SUBJECTS:
        chosen = re.split(r"\sfrom\s", subject.statement)[1].partition("select ")[2]
        chosen = re.sub(r"\([^()]*(?:\([^()]*\)[^()]*)*\)", "", chosen)
        columns |= set(COLUMN.findall(chosen.strip()))
    assert len(columns) > 50
    assert columns - FIELDS.keys() - THINGS.keys() == set()
    assert {subject.parameter for subject in SUBJECTS} - THINGS.keys() == set()


async def test_entries_are_chosen_by_days_of_the_account(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, signed_in(base_url, db, api.account_id) as client:
        await api.ok(await api.post("/api/v1/manage/tags", tag_name="winter"))
        path = f"/manage/{api.account_id}/audit"
        # The account is in Los Angeles: by UTC it is the day after.
        sql = "update audit_entries set occurred_at = '2026-03-15T05:00:00Z' where account_id = $1"
        await db.execute(sql, api.account_id)
        for start, end, count in (("2026-03-14", "2026-03-14", 1), ("2026-03-15", "", 0), ("", "2026-03-13", 0)):
            query = {"start_date": start, "end_date": end}
            text = (await client.get(path, params=query)).text
            assert text.count("manage_<wbr>tags_<wbr>create") == count, query
            lines = (await client.get(f"{path}/download", params=query)).text.splitlines()
            assert sum('"manage_tags_create"' in line for line in lines) == count, query
        assert (
            f'{path}/download?start_date=2026-03-15"'
            in (await client.get(path, params={"start_date": "2026-03-15"})).text
        )


async def test_what_a_page_makes_is_told_too(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, signed_in(base_url, db, api.account_id) as client:
        path = f"/manage/{api.account_id}/campaigns/new"
        answer = await send(client, f"{path}?app_type=quiz", path, title="Winter quiz", app_type="quiz")
        assert answer.status_code == 303, answer.text
        text = await text_of(client, api.account_id)
        assert "campaign_ create" in text
        assert "Campaign: new" in text
        assert "Title Winter quiz" in text
        # What leads to the page of something that was there is nothing new.
        campaign = answer.headers["location"]
        answer = await send(
            client, campaign, f"{campaign}/draws", winner_count="1", reserve_count="0", entry_rule="one_per_fan"
        )
        assert answer.status_code == 303, answer.text
        assert (await text_of(client, api.account_id)).count("Campaign: new") == 1
