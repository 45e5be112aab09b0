"""What anybody reads: public streams without a key, and copies of pictures."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from PIL import Image

from fanfare.kernel.data.db import Db
from fanfare.streams.actions.pictures import copy_pictures, forget_pictures
from fanfare.streams.gateways.fetching import SourceFault
from fanfare.streams.gateways.pictures import PictureRefused, scale
from tests.api import Api
from tests.running import PATIENCE
from tests.streams.sites import Site, site
from tests.streams.test_records import MANAGE, moderate, new_stream, page, submit


@pytest.fixture(scope="module")
def web() -> Iterator[Site]:
    with site() as result:
        yield result


def picture(size: tuple[int, int] = (2000, 1000), kind: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, kind, **options)
    return file.getvalue()


async def test_a_public_stream_is_read_without_a_key(api: Api, base_url: str) -> None:
    key = await new_stream(api)
    record_id = await submit(api, key, "hello")
    async with httpx.AsyncClient(base_url=base_url, timeout=PATIENCE) as client:
        path = f"/streams/api/{key}/records"
        answer = await client.get(path)
        assert answer.json() == await page(api, key)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cache-control"] == "public, max-age=10"
        again = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert (await client.get(path, params={"q": "hello", "limit": 1})).json()["data"][0][
            "feed_record_id"
        ] == record_id
        wrong = await client.get(path, params={"is_graphic": "perhaps", "limit": "x"})
        assert [error["field"] for error in wrong.json()["errors"]] == ["is_graphic", "limit"]
        await api.ok(await api.post(f"{MANAGE}/{key}", is_public=False))
        assert (await client.get(path)).status_code == 404
        assert (await client.get("/streams/api/nobody/records")).status_code == 404
        assert (await client.post(path)).status_code == 405


async def test_a_picture_is_copied_scaled_and_served_by_us(api: Api, db: Db, base_url: str, web: Site) -> None:
    key = await new_stream(api)
    exif = Image.Exif()
    exif[0x0110], exif[0x0112] = "Camera of Ada", 6
    url = web.put("/p.jpg", picture(exif=exif))
    record_id = await submit(api, key, image_url=url)
    assert (await page(api, key, is_graphic=True))["data"] == []
    await copy_pictures(db, api.account_id, record_id, datetime.now(UTC))
    [row] = (await page(api, key, is_graphic=True))["data"]
    assert (await page(api, key, is_graphic=False))["data"] == []
    assert row["src_image_url"] == url
    async with httpx.AsyncClient(base_url=base_url, timeout=PATIENCE) as client:
        path = "/streams/pictures/" + row["image_url"].partition("/streams/pictures/")[2]
        answer = await client.get(path)
        assert (await client.get(path[:-1] + "g")).status_code == 404
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["cache-control"] == "public, max-age=604800, immutable"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert b"Camera" not in answer.content
    with Image.open(io.BytesIO(answer.content)) as image:
        # Turned as the camera said.
        assert (image.format, image.size) == ("WEBP", (640, 1280))


async def test_only_what_readers_see_is_served(api: Api, db: Db, base_url: str, web: Site) -> None:
    key = await new_stream(api, trust_level="moderated")
    record_id = await submit(api, key, image_url=web.put("/waiting.jpg", picture((31, 20))))
    await copy_pictures(db, api.account_id, record_id, datetime.now(UTC))
    statuses = []
    async with httpx.AsyncClient(base_url=base_url, timeout=PATIENCE) as client:
        for action in ("label", "approve", "remove"):
            await moderate(api, key, record_id, action, label_key="x")
            rows = await api.ok(await api.get(f"{MANAGE}/{key}/records"))
            signed = "/streams/pictures/" + rows[0]["image_url"].partition("/streams/pictures/")[2]
            plain = signed.partition("?")[0]
            answers = [await client.get(path) for path in (plain, signed, f"{plain}?signature=é{'0' * 64}")]
            statuses.append([answer.status_code for answer in answers])
            assert "max-age=604800" not in answers[1].headers["cache-control"] or signed == plain
    # Readers see what is approved; staff sees all, by the addresses of the list.
    assert statuses == [[404, 200, 404], [200, 200, 200], [404, 200, 404]]


async def test_a_copy_is_there_once_and_goes_with_the_last_record(other_api: Api, db: Db, web: Site) -> None:
    api, key = other_api, await new_stream(other_api)
    url = web.put("/q.jpg", picture((30, 20)))
    for _ in range(2):
        await copy_pictures(db, api.account_id, await submit(api, key, image_url=url), datetime.now(UTC))
    count = "select count(*) from stream_pictures where account_id = $1"
    assert await db.value(count, api.account_id) == 1
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="ada@example.com")))["fan_id"]
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
    await db.execute("update stream_pictures set created_at = created_at - interval '1 hour'")
    await forget_pictures(db, api.account_id, datetime.now(UTC))
    assert await db.value(count, api.account_id) == 0


async def test_pictures_that_cannot_be_shown_stay_away(api: Api, db: Db, web: Site) -> None:
    key = await new_stream(api)
    bodies = [
        b"<svg onload='alert(1)'/>",
        b"",
        picture()[:500],
        picture((3, 3), "BMP"),
        b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
    ]
    for body in bodies:
        record_id = await submit(api, key, image_url=web.put("/bad.jpg", body))
        await copy_pictures(db, api.account_id, record_id, datetime.now(UTC))
    assert (await page(api, key, is_graphic=True))["data"] == []
    record_id = await submit(api, key, image_url=web.put("/gone.jpg", b"", 404))
    with pytest.raises(SourceFault):
        await copy_pictures(db, api.account_id, record_id, datetime.now(UTC))


def test_a_decompression_bomb_is_refused_by_its_head() -> None:
    file = io.BytesIO()
    Image.new("1", (8000, 8000)).save(file, "PNG")
    assert len(file.getvalue()) < 100_000
    with pytest.raises(PictureRefused, match="too many pixels"):
        scale(file.getvalue())


def test_transparency_stays() -> None:
    file = io.BytesIO()
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(file, "PNG")
    with Image.open(io.BytesIO(scale(file.getvalue()))) as image:
        assert image.mode == "RGBA"
