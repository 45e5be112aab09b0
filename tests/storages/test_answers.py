"""What storages answer is read in pieces and within bounds, and told in our words."""

import asyncio
from typing import Any

import pytest

from fanfare.storages.gateways.answers import PIECE_BYTES, listing_of
from tests.api import Api
from tests.servers import Reply, Request
from tests.storages.stores import PATH, Service, between, new_storage


async def test_the_event_loop_goes_on_while_a_long_listing_is_read() -> None:
    rows = b"".join(b"<Contents><Key>k%d</Key><Size>1</Size></Contents>" % number for number in range(1000))
    body = b'<L xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><!--%s-->%s</L>' % (b"< " * 500_000, rows)
    reading = asyncio.ensure_future(listing_of(body, 3))
    turns = 0
    while not reading.done():
        turns += 1
        await asyncio.sleep(0)
    assert [each.object_key for each in reading.result().objects] == ["k0", "k1", "k2"]
    assert turns >= len(body) // PIECE_BYTES


ENTITIES = Reply(b'<!DOCTYPE x [<!ENTITY a "aaaa">]><ListBucketResult>&a;</ListBucketResult>')
LISTINGS: dict[str, tuple[Reply, int, str]] = {
    "too long": (Reply(b"x" * 5_000_000), 409, "does not answer in time, or answers too much"),
    "entities": (ENTITIES, 409, "answers what cannot be read"),
    "entities in UTF-16": (Reply(ENTITIES.body.decode().encode("utf-16")), 409, "answers what cannot be read"),
    "UTF-16": (
        Reply('<?xml version="1.0" encoding="UTF-16"?><ListBucketResult/>'.encode("utf-16")),
        409,
        "answers what cannot be read",
    ),
    "too many elements": (Reply(b"<L>%s</L>" % (b"<a/>" * 30_000)), 409, "answers what cannot be read"),
    "too deep": (Reply(b"<a>" * 9 + b"</a>" * 9), 409, "answers what cannot be read"),
    "a long tag": (Reply(b"<L a='%s'/>" % (b"x" * 100_000)), 409, "answers what cannot be read"),
    "half of it": (Reply(b"<L><Contents>"), 409, "answers what cannot be read"),
    "no XML": (Reply(b"\xff\x00"), 409, "answers what cannot be read"),
    "a redirect": (
        Reply(b"", 301, {"x-amz-bucket-region": "eu-west-1", "location": "http://127.0.0.1:1/"}),
        409,
        "sends us to another address: its bucket is in the region eu-west-1; set its endpoint and region",
    ),
    "a redirect with a trick": (
        Reply(b"", 307, {"x-amz-bucket-region": "<b>", "location": "http://169.254.169.254/"}),
        409,
        "sends us to another address; set its endpoint and region",
    ),
    "what was signed": (
        Reply(b"<Error><Code>SignatureDoesNotMatch</Code><StringToSign>LEAK</StringToSign></Error>", 403),
        409,
        "refuses the secret of the access key",
    ),
    "a fault": (Reply(b"<Error><Code>InternalError</Code></Error>", 500), 409, "answers HTTP 500 (InternalError)"),
}


@pytest.mark.parametrize("name", LISTINGS)
async def test_what_a_service_answers_is_told_in_our_words(api: Api, store: Service, name: str) -> None:
    reply, status, words = LISTINGS[name]
    with between(store) as strange:
        strange.meddle = lambda _: reply
        storage = await new_storage(api, store, "somewhere", endpoint=strange.url)
        answer = await api.get(f"{PATH}/{storage['storage_uid']}/objects")
    assert (answer.status_code, answer.json()["detail"]) == (status, f"The storage {words}")
    # A redirect is not followed.
    assert len(strange.requests) == 1


def _unstorable(number: int) -> bytes:
    return b"<Contents><Key>%d%%00</Key></Contents>" % number


async def test_objects_behind_keys_that_cannot_be_stored_are_listed(api: Api, store: Service) -> None:
    pages = [_unstorable(1) + _unstorable(2), _unstorable(3), b"<Contents><Key>4</Key></Contents>"]

    def meddle(_: Request) -> Reply:
        page = pages.pop(0)
        more = b"true" if pages else b"false"
        return Reply(b"<L><EncodingType>url</EncodingType><IsTruncated>%s</IsTruncated>%s</L>" % (more, page))

    with between(store) as strange:
        strange.meddle = meddle
        storage = await new_storage(api, store, "somewhere", endpoint=strange.url)
        path = f"{PATH}/{storage['storage_uid']}/objects"
        page = await api.ok(await api.get(path, limit=2))
        assert ([row["object_key"] for row in page["data"]], page["meta"]["has_more"]) == (["4"], False)
        assert ["start-after=2%00&" in f"{each.query}&" for each in strange.requests] == [False, True, False]
        pages = [_unstorable(1)] * 10
        endless = await api.get(path)
    assert (endless.status_code, "cannot be stored" in endless.json()["detail"]) == (409, True)


async def test_a_bucket_that_no_host_can_be_called_is_in_the_path(api: Api) -> None:
    values = {"endpoint": "https://s3.eu-central-1.amazonaws.com", "access_key_id": "key", "secret": "s"}
    uid = ""
    styles = {"club": False, "club.data": True, "Club_data": True}
    for bucket, is_path_style in styles.items():
        uid = (await api.ok(await api.post(PATH, name=bucket, bucket=bucket, **values)))["storage_uid"]
        assert (await api.ok(await api.get(f"{PATH}/{uid}")))["is_path_style"] is is_path_style
    changes: list[dict[str, Any]] = [{"is_path_style": False}, {"is_path_style": False, "bucket": "a_b"}]
    for path, fields in ((PATH, {"name": "c", "bucket": "Club", "is_path_style": False, **values}),
                         *((f"{PATH}/{uid}", each) for each in changes)):  # fmt: skip
        refused = await api.post(path, **fields)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "bucket"), refused.text


async def test_a_bucket_with_a_dot_is_not_in_front_of_a_host_with_a_certificate(api: Api) -> None:
    values = {"access_key_id": "key", "secret": "s", "is_path_style": False}
    secure, plain = "https://s3.example.com", "http://127.0.0.1:9000"
    refused = [await api.post(PATH, name="a", bucket="club.data", endpoint=secure, **values)]
    created = await api.ok(await api.post(PATH, name="b", bucket="club", endpoint=secure, **values))
    path = f"{PATH}/{created['storage_uid']}"
    refused.append(await api.post(path, bucket="club.data"))
    open_one = await api.ok(await api.post(PATH, name="c", bucket="club.data", endpoint=plain, **values))
    refused.append(await api.post(f"{PATH}/{open_one['storage_uid']}", endpoint=secure))
    for answer in refused:
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "bucket"), answer.text
    assert (await api.ok(await api.get(path)))["bucket"] == "club"
    await api.ok(await api.post(path, bucket="club.data", is_path_style=True))
