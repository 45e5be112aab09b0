"""Delivery: at least once, in order, signed, on schedule; what an endpoint does harms nobody else."""

import asyncio
import base64
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.http_client import http_client
from fanfare.kernel.running.settings import Settings
from fanfare.kernel.running.webhook_signatures import signature_header
from fanfare.webhooks.actions import outcomes, sending
from fanfare.webhooks.actions.following import follow
from tests.api import Api, new_api
from tests.conftest import LOOPBACK
from tests.webhooks.receivers import OK, PATH, Call, deliver, receiver, register, response, rows, tag

# After all that the server writes meanwhile, whose clock is the present time.
NOW = datetime.now(UTC) + timedelta(minutes=30)


def test_signatures_are_those_of_the_standard() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    header = signature_header([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert header == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_each_change_is_delivered_once_signed_and_in_order(api: Api, db: Db) -> None:
    async with receiver() as got:
        hook = await register(api, got.url)
        for number in range(5):
            await tag(api, f"delivered {number}")
        await api.ok(await api.post("/api/v1/crm/fans", email="not.taken@x.example"))
        await deliver(db, api, NOW)
        await deliver(db, api, NOW)
        changes = (await api.get("/api/v1/manage/changes", topics="tag.created")).json()[-5:]
        events = sorted((call.event for call in got.calls), key=lambda each: each["data"]["position"])
        assert [each["data"] for each in events] == changes
        assert {each["type"] for each in events} == {"tag.created"}
        assert {call.message_id for call in got.calls} == {f"change_{each['position']}" for each in changes}
        assert all(call.is_signed(hook["secret"]) for call in got.calls)
        # Connections are used again.
        assert got.connections <= sending.CONNECTIONS
    listing = await rows(api, hook["webhook_uid"])
    assert {(row["state"], row["try_count"], row["response_status"], row["response_body"]) for row in listing} == {
        ("delivered", 1, 200, "ok")
    }
    assert [row["request_body"] for row in listing] == [call.body.decode() for call in sorted(got.calls, key=_position)]


def _position(call: Call) -> int:
    position: int = call.event["data"]["position"]
    return position


async def test_a_failed_delivery_is_tried_on_schedule_under_the_same_id(api: Api, db: Db) -> None:
    async with receiver() as got:

        async def fail(_: Call) -> bytes:
            return response(500, b"broken")

        got.answer = fail
        hook = await register(api, got.url)
        await tag(api, "fails")
        now, moments, row = NOW, [], {}
        await deliver(db, api, now)
        for _ in range(20):
            (row,) = await rows(api, hook["webhook_uid"])
            if row["state"] != "waiting":
                break
            # Not before it is due, not even by a second.
            due = datetime.fromtimestamp(row["next_timestamp"], UTC)
            moments.append((due - now).total_seconds())
            await deliver(db, api, due - timedelta(seconds=1))
            tries = len(got.calls)
            now = due + timedelta(seconds=1)
            await deliver(db, api, now)
            assert len(got.calls) == tries + 1
        assert (row["state"], row["try_count"], row["response_status"]) == ("failed", 8, 500)
        for pause, scheduled in zip(moments, outcomes.PAUSES, strict=True):
            assert 0.8 * scheduled - 2 <= pause <= 1.2 * scheduled + 2
        assert len({call.message_id for call in got.calls}) == 1
        assert len(got.calls) == 8
    await api.delete(f"{PATH}/{hook['webhook_uid']}")


async def _fan(api: Api, email: str) -> int:
    fan_id: int = (await api.ok(await api.post("/api/v1/crm/fans", email=email)))["fan_id"]
    return fan_id


async def test_a_fans_next_change_waits_for_the_one_before(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, receiver() as got:
        fans: list[int] = []

        async def fail_for_the_first(call: Call) -> bytes:
            return response(503) if call.event["data"]["fan_id"] == fans[0] else OK

        got.answer = fail_for_the_first
        hook = await register(api, got.url, "fan.*")
        fans += [await _fan(api, "first@x.example"), await _fan(api, "second@x.example")]
        for fan_id in fans:
            for name in ("Ada", "Bea"):
                await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}", first_name=name))
        await deliver(db, api, NOW)
        topics = [(call.event["data"]["fan_id"], call.event["type"]) for call in got.calls]
        assert topics.count((fans[0], "fan.created")) == 1
        assert len([each for each in topics if each[0] == fans[0]]) == 1
        assert [each for each in topics if each[0] == fans[1]] == [
            (fans[1], topic) for topic in ("fan.created", "fan.updated", "fan.updated")
        ]
        got.answer = got.accept
        got.calls.clear()
        await deliver(db, api, NOW + timedelta(minutes=1))
        positions = [call.event["data"]["position"] for call in got.calls]
        assert positions == sorted(positions)
        assert [call.event["type"] for call in got.calls] == ["fan.created", "fan.updated", "fan.updated"]
        assert {row["state"] for row in await rows(api, hook["webhook_uid"])} == {"delivered"}


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (response(302, b"", "Location: http://127.0.0.1:1/"), None),
        (response(404), None),
        (None, "no answer (RemoteProtocolError)"),
        (b"nonsense\r\n\r\n", "no answer (RemoteProtocolError)"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, "no answer (RemoteProtocolError)"),
    ],
    ids=["redirect", "unknown", "closed", "nonsense", "endless head"],
)
async def test_what_is_no_success_is_tried_again(api: Api, db: Db, answer: bytes | None, failure: str | None) -> None:
    async with receiver() as got:

        async def respond(_: Call) -> bytes | None:
            return answer

        got.answer = respond
        hook = await register(api, got.url)
        await tag(api, f"odd {answer!r:.90}")
        await deliver(db, api, NOW)
        (row,) = await rows(api, hook["webhook_uid"])
        assert (row["state"], row["try_count"], row["failure"]) == ("waiting", 1, failure)
    await api.delete(f"{PATH}/{hook['webhook_uid']}")


async def test_answers_are_stored_in_part_and_without_secrets(api: Api, db: Db) -> None:
    async with receiver() as got:

        async def echo(call: Call) -> bytes:
            head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"
            return head + call.headers["webhook-signature"].encode() + b" \0\xff whsec_abcd " + b"x" * 50_000

        got.answer = echo
        hook = await register(api, got.url)
        await tag(api, "echo")
        await deliver(db, api, NOW)
        (row,) = await rows(api, hook["webhook_uid"])
        assert row["state"] == "delivered"
        assert row["response_body"].startswith("***  � *** xxx")
        assert len(row["response_body"]) < 1024
    await api.delete(f"{PATH}/{hook['webhook_uid']}")


async def test_an_endpoint_that_is_gone_is_disabled(api: Api, db: Db) -> None:
    async with receiver() as got:

        async def gone(_: Call) -> bytes:
            return response(410)

        got.answer = gone
        hook = await register(api, got.url)
        await tag(api, "gone")
        await deliver(db, api, NOW)
        assert len(got.calls) == 1
    await _is_disabled(api, hook, "gone")


async def _is_disabled(api: Api, hook: Any, reason: str) -> None:
    (listed,) = [each for each in await _hooks(api) if each["webhook_uid"] == hook["webhook_uid"]]
    assert (listed["is_enabled"], listed["disable_reason"]) == (False, reason)
    (change,) = [
        each
        for each in (await api.get("/api/v1/manage/changes", topics="webhook.disabled")).json()
        if each["subject_id"] == hook["webhook_uid"]
    ]
    assert change["data"] == {"is_gone": reason == "gone"}
    answer = await api.post(f"{PATH}/{hook['webhook_uid']}/test")
    assert (answer.status_code, answer.json()["code"]) == (409, "webhook_disabled")
    await api.delete(f"{PATH}/{hook['webhook_uid']}")


async def _hooks(api: Api) -> Any:
    return await api.ok(await api.get(PATH))


async def test_an_endpoint_that_fails_for_five_days_is_disabled(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api:
        hook = await register(api, "http://127.0.0.1:1/hooks")
        await tag(api, "fails for days")
        await deliver(db, api, NOW)
        for hours in (12, 100, 119):
            await tag(api, f"fails {hours}")
            await deliver(db, api, NOW + timedelta(hours=hours))
            (listed,) = await _hooks(api)
            assert listed["is_enabled"]
            assert listed["failing_timestamp"] is not None
        await tag(api, "fails for the last time")
        await deliver(db, api, NOW + timedelta(days=5, minutes=1))
        await _is_disabled(api, hook, "failing")


async def test_one_failure_long_after_another_does_not_disable(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, receiver() as got:

        async def fail(_: Call) -> bytes:
            return response(500)

        got.answer = fail
        hook = await register(api, got.url)
        await tag(api, "given up")
        now = NOW
        while not (deliveries := await rows(api, hook["webhook_uid"])) or deliveries[0]["state"] == "waiting":
            await deliver(db, api, now)
            now += timedelta(hours=12)
        assert deliveries[0]["state"] == "failed"
        await tag(api, "much later")
        now = NOW + timedelta(days=20)
        await deliver(db, api, now)
        (listed,) = await _hooks(api)
        assert listed["is_enabled"]
        got.answer = got.accept
        await deliver(db, api, now + timedelta(minutes=10))
        assert sorted(each["state"] for each in await rows(api, hook["webhook_uid"])) == ["delivered", "failed"]


async def test_an_endpoint_that_fails_is_tried_now_and_then_and_recovers(base_url: str, db: Db) -> None:
    """A dead endpoint gets a try at a time; when it is back, all that waits comes at once."""
    async with new_api(base_url, db) as api, receiver() as got:

        async def fail(_: Call) -> bytes:
            return response(500)

        got.answer = fail
        hook = await register(api, got.url)
        for number in range(60):
            await tag(api, f"waits {number}")
        await deliver(db, api, NOW)
        assert len(got.calls) <= sending.CONNECTIONS + 5
        tries = len(got.calls)
        now = NOW + timedelta(hours=1)
        await deliver(db, api, now)
        assert len(got.calls) == tries + 1
        got.answer = got.accept
        await deliver(db, api, now + timedelta(minutes=10))
        listing = await rows(api, hook["webhook_uid"])
        assert {row["state"] for row in listing} == {"delivered"}
        assert len(listing) == 60


async def test_an_endpoint_that_hangs_delays_no_other(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, receiver() as silent, receiver() as got:
        release = asyncio.Event()

        async def hang(_: Call) -> None:
            await release.wait()

        silent.answer = hang
        await register(api, silent.url)
        await tag(api, "hangs")
        hook = await register(api, got.url)
        for number in range(20):
            await tag(api, f"passes {number}")
        while await follow(db.for_account(api.account_id), api.account_id, NOW):
            pass
        sender = sending.Sender()
        await sender.start(db, api.account_id, NOW, lambda: NOW)
        while len(got.calls) < 20 or not silent.calls:  # noqa: ASYNC110 - the receiver tells nobody
            await asyncio.sleep(0.01)
        assert silent.calls
        release.set()
        silent.answer = silent.accept
        await sender.finish()
        assert {row["state"] for row in await rows(api, hook["webhook_uid"])} == {"delivered"}


async def test_an_address_inside_is_refused_at_registration_and_at_each_try(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, receiver() as got:
        for url in ("http://10.0.0.1/", "https://169.254.169.254/latest", "http://[::1]/", "ftp://127.0.0.1/",
                    "https://user:pw@example.com/", "https://[::ffff:10.0.0.1]/"):  # fmt: skip
            answer = await api.post(PATH, url=url, topics=["tag.*"])
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "url"), url
        hook = await register(api, got.url)
        # A name that leads inside: the addresses are checked at each connection.
        port = got.url.split(":")[2]
        await db.execute(
            "update webhooks set url = $2 where account_id = $1", api.account_id, f"https://localhost:{port}"
        )
        http_client.use(Settings())
        try:
            await tag(api, "inside")
            await deliver(db, api, NOW)
            (row,) = await rows(api, hook["webhook_uid"])
            assert "not public" in row["failure"]
            await db.execute("update webhooks set url = $2 where account_id = $1", api.account_id, got.url)
            await deliver(db, api, NOW + timedelta(minutes=1))
            (row,) = await rows(api, hook["webhook_uid"])
            assert (row["try_count"], row["failure"]) == (2, "the url must not be an address that is not public")
        finally:
            http_client.use(Settings(outgoing_allowed=LOOPBACK))
        assert got.calls == []


async def test_an_erased_fan_is_an_id_and_no_more(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, receiver() as got:
        await register(api, got.url, "consent.*", "fan.*")
        fan_id = await _fan(api, "secret.person@x.example")
        await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}", first_name="Secretperson"))
        await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
        await deliver(db, api, NOW)
        assert [call.event["type"] for call in got.calls][-1] == "fan.deleted"
        assert all(call.event["data"]["data"] == {} for call in got.calls)
        assert "ecret" not in str([call.body for call in got.calls])


async def test_answers_about_an_erased_fan_are_forgotten(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, receiver() as got:
        hook = await register(api, got.url, "fan.created", "fan.updated", "fan.deleted")
        path = "/api/v1/manage/fans"
        fan_id, absorbed = await _fan(api, "stays@x.example"), await _fan(api, "absorbed@x.example")
        await deliver(db, api, NOW)
        await api.ok(await api.post(f"{path}/{fan_id}/merge", merged_fan_id=absorbed))
        assert {row["response_body"] for row in await rows(api, hook["webhook_uid"])} == {"ok"}
        await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}", first_name="Ada"))

        async def erase_meanwhile(call: Call) -> bytes:
            if call.event["type"] == "fan.updated":
                await api.post(f"{path}/{fan_id}/erase")
            return OK

        got.answer = erase_meanwhile
        await deliver(db, api, NOW)
        await deliver(db, api, NOW)
        listing = await rows(api, hook["webhook_uid"])
        assert {row["topic"] for row in listing} == {"fan.created", "fan.updated", "fan.deleted"}
        assert {(row["state"], row["response_body"]) for row in listing} == {("delivered", None)}


async def test_many_failures_stop_nothing_that_would_be_accepted(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, receiver() as got:

        async def fail_for_fans(call: Call) -> bytes:
            return response(500) if call.event["type"] == "fan.created" else OK

        got.answer = fail_for_fans
        hook = await register(api, got.url, "fan.created", "tag.created")
        fans = [{"email": f"many.{number}@x.example"} for number in range(120)]
        for number, fan in enumerate(fans):
            await api.ok(await api.post("/api/v1/crm/fans", **fan))
            if number % 3 == 0:
                await tag(api, f"many {number}")
        await deliver(db, api, NOW)
        states = Counter((row["topic"], row["state"]) for row in await rows(api, hook["webhook_uid"]))
        assert states == {("fan.created", "waiting"): 120, ("tag.created", "delivered"): 40}
        await tag(api, "after all that failed")
        await deliver(db, api, NOW)
        assert got.calls[-1].event["type"] == "tag.created"
        # Each failed once, and waits for its next try.
        assert {row["try_count"] for row in await rows(api, hook["webhook_uid"])} == {1}
