"""Marketing messages: only to fans who agree at the moment of sending, with links to change that."""

import asyncio
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.messages.actions.delivery import deliver
from fanfare.messages.actions.preference_links import Recipient, recipient_of
from fanfare.messages.templates.builtin import KINDS
from tests.api import Api
from tests.messages.gateways import HttpInbox, Mailbox
from tests.messages.sending import NewsMaker, login_code, message_row, new_fan, queue, send_now
from tests.running import PATIENCE
from tests.waits import until_blocked

NO_CONSENT = "the fan has not agreed to marketing messages"
NUMBER = "+16045550177"


async def change(api: Api, fan_id: int, **fields: Any) -> None:
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}", **fields))


def link_in(text: str) -> str:
    match = re.search(r"link=([\w.-]+)", text)
    assert match, text
    return match[1]


async def test_a_marketing_mail_has_links_that_only_its_reader_sees(
    api: Api, db: Db, mailbox: Mailbox, news: NewsMaker
) -> None:
    business = await api.ok(await api.post("/api/v1/manage/businesses", business_name="Club"))
    business_id = business["business_id"]
    fan_id = await new_fan(api, "links@example.com", is_subscribed=True, **{f"business_{business_id}": True})
    row = await send_now(db, api.account_id, news(fan_id, business_id=business_id))
    (mail,) = mailbox.mails
    text, html = (part.get_content() for part in mail.iter_parts())
    links = [link_in(each) for each in (mail["list-unsubscribe"], *text.splitlines()[1:3], html)]
    assert {recipient_of(each) for each in links} == {Recipient(api.account_id, fan_id, business_id)}
    assert "/crm/unsubscribe?" in mail["list-unsubscribe"]
    assert [("unsubscribe" in line, "preferences" in line) for line in text.splitlines()[1:3]] == [
        (True, False), (False, True),
    ]  # fmt: skip
    assert links[0] not in repr(dict(row))


# What a fan said about mail, SMS and the business, and whether a message of the account and of the business is sent.
WORDS: dict[str, tuple[dict[str, Any], dict[str, tuple[bool, bool]]]] = {
    "nothing": ({}, {"email": (False, False), "sms": (False, False)}),
    "mail": ({"is_subscribed": True}, {"email": (True, False), "sms": (False, False)}),
    "sms": ({"is_phone_subscribed": True}, {"email": (False, False), "sms": (True, False)}),
    "the business alone": ({"business": True}, {"email": (False, False), "sms": (False, False)}),
    "both": ({"is_subscribed": True, "business": True}, {"email": (True, True), "sms": (False, False)}),
    "not the business": ({"is_subscribed": True, "business": False}, {"email": (True, False), "sms": (False, False)}),
    "an end to all": (
        {"is_subscribed": True, "is_phone_subscribed": True, "business": True, "is_optout": True},
        {"email": (False, False), "sms": (False, False)},
    ),
}


@pytest.fixture(scope="module")
async def business_id(api: Api) -> int:
    number: int = (await api.ok(await api.post("/api/v1/manage/businesses", business_name="Arena")))["business_id"]
    return number


@pytest.mark.parametrize("words", WORDS)
async def test_only_who_agrees_gets_marketing_messages(
    api: Api, db: Db, mailbox: Mailbox, news: NewsMaker, business_id: int, words: str
) -> None:
    consents, expected = WORDS[words]
    consents = {f"business_{business_id}" if name == "business" else name: value for name, value in consents.items()}
    fan_id = await new_fan(api, f"words.{list(WORDS).index(words)}@example.com", **consents)
    # No SMS gateway is set here: what may leave is stored.
    for channel, address, arrived in (("email", "words@example.com", "sent"), ("sms", NUMBER, "stored")):
        for own_business, is_sent in zip((None, business_id), expected[channel], strict=True):
            new = news(fan_id, channel=channel, recipient=address, business_id=own_business)
            row = await send_now(db, api.account_id, new)
            state = arrived if is_sent else "suppressed"
            assert (row["message_state"], row["answer"] == NO_CONSENT) == (state, not is_sent), (channel, own_business)
    assert len(mailbox.raw) == sum(expected["email"])
    code = await send_now(db, api.account_id, login_code(fan_id=fan_id))
    assert code["message_state"] == "sent", "what is no advertising needs no consent"


@pytest.mark.parametrize("case", ["email, queued", "email, introduced", "business, queued", "business, introduced"])
async def test_a_no_until_the_last_moment_is_heard(
    api: Api, db: Db, mailbox: Mailbox, news: NewsMaker, business_id: int, case: str
) -> None:
    word, _, moment = case.partition(", ")
    name = {"email": "is_subscribed", "business": f"business_{business_id}"}[word]
    yes = {"is_subscribed": True, f"business_{business_id}": True}
    fan_id = await new_fan(api, f"late.{moment}.{word}@example.com", **yes)
    message_id = await queue(db, api.account_id, news(fan_id, business_id=business_id))
    loop = asyncio.get_running_loop()

    def withdraw() -> None:
        # The server knows sender and recipient; next comes the mail.
        asyncio.run_coroutine_threadsafe(change(api, fan_id, **{name: False}), loop).result(PATIENCE)

    if moment == "queued":
        await change(api, fan_id, **{name: False})
    else:
        mailbox.on_recipient = withdraw
    await deliver(db, api.account_id, message_id, datetime.now(UTC))
    row = await message_row(db, api.account_id, message_id)
    assert (row["message_state"], row["sealed_values"], row["answer"]) == ("suppressed", None, NO_CONSENT)
    assert mailbox.raw == []
    topics = await db.rows(
        "select topic from changes where account_id = $1 and subject_id = $2 and topic like 'message.%'"
        " order by position",
        api.account_id,
        str(message_id),
    )
    assert [each["topic"] for each in topics] == ["message.created", "message.failed"]


async def test_a_no_that_is_being_written_is_waited_for(
    api: Api, db: Db, mailbox: Mailbox, news: NewsMaker, business_id: int
) -> None:
    yes = {"is_subscribed": True, f"business_{business_id}": True}
    fan_id = await new_fan(api, "held@example.com", **yes)
    message_id = await queue(db, api.account_id, news(fan_id, business_id=business_id))
    async with db.transaction() as tx:
        # As an update of the fan does it: the fan is locked, then the business changes.
        keys = (api.account_id, fan_id)
        await tx.execute("select from fans where account_id = $1 and fan_id = $2 for no key update", *keys)
        task = asyncio.create_task(deliver(db, api.account_id, message_id, datetime.now(UTC)))
        await until_blocked(db, tx, task)
        await tx.execute("update fan_businesses set is_opted_in = false where account_id = $1 and fan_id = $2", *keys)
    await task
    assert (await message_row(db, api.account_id, message_id))["message_state"] == "suppressed"
    assert mailbox.raw == []


async def test_a_fan_who_agrees_by_sms_gets_one(api: Api, db: Db, inbox: HttpInbox, news: NewsMaker) -> None:
    fan_id = await new_fan(api, "sms@example.com", is_phone_subscribed=True)
    await send_now(db, api.account_id, news(fan_id, channel="sms", recipient=NUMBER))
    ((_, _, body),) = inbox.requests
    assert recipient_of(link_in(body["text"])).fan_id == fan_id


async def test_a_marketing_message_needs_a_fan_and_may_not_state_its_links(api: Api, db: Db, news: NewsMaker) -> None:
    with pytest.raises(TypeError, match="needs the fan"):
        await queue(db, api.account_id, news(None))
    values = {"title": "New dates", "unsubscribe_url": "https://elsewhere.example"}
    with pytest.raises(TypeError, match="news takes"):
        await queue(db, api.account_id, news(1, values=values))
    assert KINDS["news"].masked_names == {"unsubscribe_url", "preferences_url"}


def test_what_comes_with_fanfare_is_no_advertising() -> None:
    assert not any(kind.is_marketing for kind in KINDS.values())
