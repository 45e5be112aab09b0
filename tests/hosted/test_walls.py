"""The wall that sites embed: what it shows, in which order, and who may frame it."""

import re
from typing import Any

import httpx
import pytest

from tests.api import Api
from tests.running import PATIENCE
from tests.streams.test_records import MANAGE, moderate, new_stream, submit


async def wall(base_url: str, key: str, language: str = "en", **params: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=base_url, timeout=PATIENCE) as client:
        path = f"/streams/{key}/stream_widget"
        return await client.get(path, params=params, headers={"Accept-Language": language})


def tiles(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [int(each) for each in re.findall(r'id="record-(\d+)"', answer.text)]


async def test_it_shows_what_is_approved_as_the_search_does(api: Api, base_url: str) -> None:
    key = await new_stream(api, css_text=".tile > p::after { content: '</style><b>' }")
    record_ids = [await submit(api, key, f"post {number} <b>&", labels=f"l{number % 2}") for number in range(4)]
    await moderate(api, key, record_ids[3], "remove")
    answer = await wall(base_url, key, render_mode="tiled", min_cell=2, max_cell=3, text="yes", rate=5, single="true")
    assert tiles(answer) == record_ids[2::-1]
    assert "post 2 &lt;b&gt;&amp;" in answer.text
    assert "</style><b>" not in answer.text
    assert "--least: 2; --most: 3" in answer.text
    assert 'data-rate="5" data-single' in answer.text
    assert "example.com" not in answer.text
    assert tiles(await wall(base_url, key, label_key="l1")) == [record_ids[1]]
    assert tiles(await wall(base_url, key, q="post", limit=1)) == [record_ids[2]]
    still = await wall(base_url, key, rate=0)
    assert "<script" not in still.text


async def test_other_sites_may_frame_it_and_caches_keep_it_for_seconds(api: Api, base_url: str) -> None:
    key = await new_stream(api)
    answer = await wall(base_url, key)
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors *" in policy
    assert "unsafe" not in policy
    assert "script-src 'self';" in policy
    assert answer.headers["cache-control"] == "public, max-age=10"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "set-cookie" not in answer.headers
    assert "There are no posts yet." in answer.text
    assert "keine Beiträge" in (await wall(base_url, key, "de")).text
    assert "publications" in (await wall(base_url, key, "fr")).text
    await api.ok(await api.post(f"{MANAGE}/{key}", is_public=False))
    hidden = await wall(base_url, key)
    assert (hidden.status_code, hidden.headers["cache-control"]) == (404, "no-store")


@pytest.mark.parametrize(
    ("params", "status"),
    [({"min_cell": 4, "max_cell": 2}, 422), ({"rate": -1}, 422), ({"render_mode": "spinning"}, 422),
     ({"q": "a b c d e f g h i j k"}, 422), ({"q": "a b c d e f g h i j"}, 200),
     ({"limit": 101}, 200), ({"theme": "light", "timestamp": "1"}, 200)],
)  # fmt: skip
async def test_wrong_settings_are_refused(api: Api, base_url: str, params: dict[str, Any], status: int) -> None:
    key = await new_stream(api)
    assert (await wall(base_url, key, **params)).status_code == status


async def test_it_is_the_same_for_everybody(api: Api, base_url: str) -> None:
    key = await new_stream(api)
    cookies = {"fanfare-language": "de"}
    async with httpx.AsyncClient(base_url=base_url, timeout=PATIENCE, cookies=cookies) as client:
        path = f"/streams/{key}/stream_widget"
        answer = await client.get(path, headers={"Accept-Language": "en"})
        assert "There are no posts yet." in answer.text
        assert answer.headers["vary"] == "Accept-Language"
        selected = await client.get(path, params={"language": "fr", "is_chosen": "true"})
    assert "publications" in selected.text
    assert "set-cookie" not in selected.headers
    # Pictures of other sites would tell them who reads it.
    assert "img-src 'self' data:;" in selected.headers["content-security-policy"]
