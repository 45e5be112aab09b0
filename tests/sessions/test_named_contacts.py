"""Whoever names somebody else's address or number never comes to be in one fan with its owner, in whatever order."""

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.messages.gateways.outgoing import outgoing
from fanfare.sessions.queries.sessions import session_hash
from tests.api import Api
from tests.conftest import serving
from tests.hosted.logins import login_url, mails, register_site
from tests.hosted.logins import submit as submit_page
from tests.hosted.pages import visitor
from tests.identities.logins import accept_provider, try_login
from tests.identity_provider import Provider, identity_provider
from tests.messages.gateways import HttpInbox, Mailbox, http_gateway, mail_server
from tests.messages.sending import FROM
from tests.passkeys.authenticator import Authenticator
from tests.passkeys.logins import add, try_add, try_log_in, with_origin
from tests.sessions.logins import change, connect, fan_of, try_connect, waiting_for_locks
from tests.sessions.test_codes import code_to, submit
from tests.sessions.test_sessions import Watch

Gateways = tuple[Mailbox, HttpInbox]
INTRUDERS_PASSWORD = "of the intruder"
OWNERS_PASSWORD = "of the owner"


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="module")
def base_url(settings: Settings, watch: Watch) -> Iterator[str]:
    with serving(settings, watch) as url:
        yield url


@pytest.fixture(scope="module")
def gateways(settings: Settings) -> Iterator[Gateways]:
    with mail_server() as mailbox, http_gateway() as inbox:
        outgoing.use(settings.replace(smtp_url=mailbox.url, mail_from=FROM, sms_url=f"{inbox.url}/send"))
        yield mailbox, inbox
        outgoing.use(settings)


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with identity_provider() as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
async def account(api: Api, provider: Provider) -> None:
    await with_origin(api)
    await register_site(api)
    await accept_provider(api, provider, is_email_trusted=True)


@pytest.fixture(scope="module")
async def business_id(api: Api) -> int:
    saved = await api.ok(await api.post("/api/v1/manage/businesses", business_name="Club"))
    return int(saved["business_id"])


@pytest.fixture(autouse=True)
async def no_attempts(api: Api, db: Db) -> None:
    """Forget the messages of the tests before: they come from one address."""
    await db.execute("delete from attempts where account_id = $1", api.account_id)


class People:
    """An intruder with a number, the owner of an email address, and the business that hears of both."""

    def __init__(self, api: Api, db: Db, gateways: Gateways, watch: Watch, provider: Provider, number: int) -> None:
        self.api, self.db, self.gateways, self.watch, self.provider = api, db, gateways, watch, provider
        self.mail, self.phone = f"owner{number}@example.com", f"+1604555{number:04}"
        self.subject = f"intruder-{number}"
        # every session that the intruder ever had
        self.sessions: list[str] = []
        self.device: Authenticator | None = None
        # the fan with what the business knows of the owner
        self.owners_fan_id = 0

    async def take(self, step: str) -> None:
        self.watch.now += timedelta(minutes=1)
        await getattr(self, step.replace(" ", "_"))()

    def _keep(self, session: Any) -> None:
        if "session_uid" in session:
            self.sessions.append(session["session_uid"])

    # what the intruder does

    async def register_both(self) -> None:
        self._keep(await connect(self.api, "register", email=self.mail, phone=self.phone, password=INTRUDERS_PASSWORD))

    async def register_mail(self) -> None:
        self._keep(await connect(self.api, "register", email=self.mail, password=INTRUDERS_PASSWORD))

    async def register_phone(self) -> None:
        self._keep(await connect(self.api, "register", phone=self.phone))

    async def log_in_elsewhere(self) -> None:
        self._keep(await self.api.ok(await self._try_token(email=None)))

    async def type_mail(self) -> None:
        await change(self.api, self.sessions[-1], email=self.mail)

    async def type_phone(self) -> None:
        await change(self.api, self.sessions[-1], phone=self.phone)

    async def set_password(self) -> None:
        await change(self.api, self.sessions[-1], password=INTRUDERS_PASSWORD)

    async def add_passkey(self) -> None:
        self.device = Authenticator()
        await add(self.api, self.sessions[-1], self.device)

    async def enter_both(self) -> None:
        await self.api.ok(
            await self.api.public_post(
                "/api/v1/sessions/activity", email=self.mail, phone=self.phone, campaign_name="A"
            )
        )

    async def prove_phone(self) -> None:
        self._keep(await self.code("verify_sms", phone=self.phone))

    async def prove_phone_in(self) -> None:
        """Prove the number in the session that the device has."""
        self._keep(await self.code("verify_sms", phone=self.phone, session_uid=self.sessions[-1]))

    # what the business hears

    async def feed_mail(self) -> None:
        saved = await self.api.ok(await self.api.post("/api/v1/crm/fans", email=self.mail, first_name="Olga"))
        self.owners_fan_id = self.owners_fan_id or saved["fan_id"]

    async def feed_both(self) -> None:
        await self.api.ok(await self.api.post("/api/v1/crm/fans", email=self.mail, phone=self.phone))

    async def feed_another_phone(self) -> None:
        other = self.phone.replace("+1604555", "+1778555")
        await self.api.ok(await self.api.post("/api/v1/crm/fans", email=self.mail, phone=other))

    async def merge(self) -> None:
        """Merge the fan of the intruder's session into one who was known before."""
        elder = await self.api.ok(await self.api.post("/api/v1/crm/fans", email=f"elder-{self.mail}"))
        session = await self.api.ok(await fan_of(self.api, self.sessions[-1]))
        path = f"/api/v1/manage/fans/{elder['fan_id']}/merge"
        await self.api.ok(await self.api.post(path, merged_fan_id=session["fan_id"]))

    # how somebody shows who is who

    async def by_code(self) -> int:
        fan_id: int = (await self.code("verify_email", email=self.mail))["fan_id"]
        return fan_id

    async def by_provider(self) -> int:
        answer = await self._try_token(sub=f"owner-{self.mail}", email=self.mail, email_verified=True)
        fan_id: int = (await self.api.ok(answer))["fan_id"]
        return fan_id

    async def by_link(self) -> int:
        """Set a password by a link that was mailed, and log in with it."""
        async with visitor(str(self.api.client.base_url)) as client:
            await submit_page(client, login_url(self.api, "/crm/oauth/forgotten"), contact=self.mail)
            place = (self.db, self.api, self.gateways[0])
            (mail,) = [each for each in await mails(*place, self.watch.now) if each["to"] == self.mail]
            body = mail.get_body(("plain",))
            assert body
            (link,) = re.findall(r"\S+(/crm/reset\?\S+)", body.get_content())
            assert "Your password is set" in (await submit_page(client, link, password=OWNERS_PASSWORD)).text
        fan_id: int = (await connect(self.api, "password", email=self.mail, password=OWNERS_PASSWORD))["fan_id"]
        return fan_id

    async def code(self, network: str, **values: Any) -> Any:
        contact = {name: value for name, value in values.items() if name != "session_uid"}
        request = await connect(self.api, network, **contact)
        code = await code_to(self.db, self.api, self.gateways, self.watch)
        return await self.api.ok(await submit(self.api, request, code, **values))

    async def _try_token(self, **claims: Any) -> Any:
        moment = int(self.watch.now.timestamp())
        token = self.provider.token(**{"sub": self.subject, "iat": moment, "exp": moment + 60, **claims})
        return await try_login(self.api, self.provider, token)

    async def intruders_fans(self) -> set[int]:
        """Return the fans in which the intruder is, or gets in by any way, the way of the number last."""
        answers = [await fan_of(self.api, each) for each in self.sessions]
        answers += [
            await try_connect(self.api, "password", **contact, password=INTRUDERS_PASSWORD)
            for contact in ({"email": self.mail}, {"phone": self.phone})
        ]
        if self.device:
            answers.append(await try_log_in(self.api, self.device))
        answers.append(await self._try_token(email=None))
        self.watch.now += timedelta(minutes=1)
        answers.append(await self._submitted_number())
        return {each.json()["fan_id"] for each in answers if each.status_code == 200}

    async def _submitted_number(self) -> Any:
        request = await connect(self.api, "verify_sms", phone=self.phone)
        return await submit(self.api, request, await code_to(self.db, self.api, self.gateways, self.watch))


# What is done before the owner of the address comes.
ORDERS = [
    ("register phone", "type mail", "prove phone"),
    ("register phone", "type mail", "prove phone in"),
    ("register phone", "prove phone", "type mail"),
    ("register phone", "prove phone", "type mail", "feed mail"),
    ("register phone", "prove phone", "type mail", "set password", "add passkey"),
    ("register phone", "type mail"),
    ("prove phone", "feed both"),
    ("prove phone", "type mail", "feed both"),
    ("register both", "prove phone"),
    ("register both", "prove phone in"),
    ("register both", "add passkey", "feed mail"),
    ("register mail", "add passkey", "type phone", "prove phone in"),
    ("register mail", "type phone", "prove phone"),
    ("log in elsewhere", "type mail", "type phone", "prove phone"),
    ("log in elsewhere", "type mail"),
    ("enter both", "prove phone"),
    ("enter both", "feed mail"),
    ("feed mail", "enter both"),
    ("feed mail", "enter both", "prove phone"),
    ("feed mail", "feed another phone", "enter both", "prove phone"),
    ("register phone", "prove phone", "type mail", "merge"),
    ("register mail", "type phone", "merge", "prove phone"),
]
PROOFS = ("by code", "by provider", "by link")


@pytest.mark.parametrize("number", range(len(ORDERS)), ids=[", ".join(each) for each in ORDERS])
async def test_nobody_shares_a_fan_with_the_owner_of_an_address(
    api: Api, db: Db, gateways: Gateways, watch: Watch, provider: Provider, number: int
) -> None:
    people = People(api, db, gateways, watch, provider, number)
    order = ORDERS[number]
    for step in order:
        await people.take(step)
    watch.now += timedelta(minutes=1)
    proof: Callable[[], Awaitable[int]] = getattr(people, PROOFS[number % len(PROOFS)].replace(" ", "_"))
    owner = await proof()
    if order[0].startswith("feed"):
        assert owner == people.owners_fan_id, "what the business knew of the owner is the owner's"
    assert owner not in await people.intruders_fans()
    watch.now += timedelta(minutes=1)
    assert await people.by_code() == owner, "and stays so"
    assert owner not in await people.intruders_fans()


async def test_a_fan_who_is_in_confirms_a_second_contact(
    api: Api, db: Db, gateways: Gateways, watch: Watch, provider: Provider
) -> None:
    people = People(api, db, gateways, watch, provider, len(ORDERS))
    for step in ("register both", "prove phone in"):
        await people.take(step)
    session = people.sessions[-1]
    watch.now += timedelta(minutes=1)
    fan_id = (await people.code("verify_email", email=people.mail, session_uid=session))["fan_id"]
    assert fan_id in await people.intruders_fans(), "both are the fan's"
    watch.now += timedelta(minutes=1)
    assert await people.by_code() == fan_id


async def test_a_merge_keeps_what_both_fans_have_proved(
    api: Api, db: Db, gateways: Gateways, watch: Watch, provider: Provider
) -> None:
    people = People(api, db, gateways, watch, provider, len(ORDERS) + 1)
    other = People(api, db, gateways, watch, provider, len(ORDERS) + 2)
    fan_ids = [await each.by_code() for each in (people, other)]
    path = f"/api/v1/manage/fans/{fan_ids[0]}"
    await api.ok(await api.post(f"{path}/merge", merged_fan_id=fan_ids[1]))
    watch.now += timedelta(minutes=1)
    assert {await each.by_code() for each in (people, other)} == {fan_ids[0]}
    await api.ok(await api.post(f"{path}/unmerge", merged_fan_id=fan_ids[1]))
    watch.now += timedelta(minutes=1)
    assert [await each.by_code() for each in (people, other)] == fan_ids


async def test_what_a_session_begins_before_it_ends_changes_nothing_after_it(
    api: Api, db: Db, gateways: Gateways, watch: Watch, provider: Provider
) -> None:
    """The owner of an address comes at the very moment when the intruder sets a password and adds a passkey."""
    people = People(api, db, gateways, watch, provider, len(ORDERS) + 3)
    await people.take("register mail")
    (session,) = people.sessions
    device = Authenticator()
    async with db.transaction() as tx:
        await tx.execute(
            "update fans set password_hash = null where account_id = $1 and email = $2", api.account_id, people.mail
        )
        await tx.execute(
            "update sessions set expires_at = created_at where account_id = $1 and session_hash = $2",
            api.account_id,
            session_hash(uuid.UUID(session)),
        )
        calls = [
            asyncio.create_task(change(api, session, password=INTRUDERS_PASSWORD)),
            asyncio.create_task(change(api, session, phone=people.phone)),
            asyncio.create_task(try_add(api, session, device)),
        ]
        await waiting_for_locks(db, len(calls))
    assert [(await each).status_code for each in calls] == [404, 404, 404]
    assert await people.intruders_fans() & {await people.by_code()} == set()


@pytest.fixture
def some_people(api: Api, db: Db, gateways: Gateways, watch: Watch, provider: Provider) -> Callable[[int], People]:
    return lambda number: People(api, db, gateways, watch, provider, number)


@pytest.mark.parametrize("refusal", ["email", "everything", "business", "nothing"])
async def test_a_refusal_follows_the_address_and_the_consent_beside_it_ends(
    api: Api, db: Db, some_people: Callable[[int], People], business_id: int, refusal: str
) -> None:
    """Whoever received mail there refused it; a yes of the other fan is not for the next address that is put in."""
    people = some_people(len(ORDERS) + 10 + ["email", "everything", "business", "nothing"].index(refusal))
    for step in ("register phone", "prove phone", "type mail"):
        await people.take(step)
    other_fan_id = (await api.ok(await fan_of(api, people.sessions[-1])))["fan_id"]
    flag = f"business_{business_id}"
    path = "/api/v1/crm/fans"
    yes, no = ((people.watch.now - timedelta(minutes=minutes)).isoformat() for minutes in (2, 1))
    words: dict[str, Any] = {"is_subscribed": True, "is_phone_subscribed": True, flag: True, "consent_timestamp": yes}
    await api.ok(await api.post(f"{path}/{other_fan_id}", **words))
    refused = {"email": {"is_subscribed": False}, "everything": {"is_optout": True}, "business": {flag: False}}
    if refusal in refused:
        await api.ok(await api.post(f"{path}/{other_fan_id}", **refused[refusal], consent_timestamp=no))

    owner = await people.by_code()
    # A feed that says what was true before the refusal.
    await api.ok(await api.post(path, email=people.mail, **words))
    expected = {"is_subscribed": refusal not in ("email", "everything"), "is_optout": refusal == "everything"}
    fan = await api.ok(await api.get(f"{path}/{owner}"))
    assert {name: fan[name] for name in expected} == expected
    opted_in = await db.value(
        "select is_opted_in from fan_businesses where account_id = $1 and fan_id = $2", api.account_id, owner
    )
    assert opted_in == (refusal in ("email", "nothing"))
    # The next address of the other fan.
    await api.ok(await api.post(f"{path}/{other_fan_id}", email=f"next-{people.mail}"))
    other = await api.ok(await api.get(f"{path}/{other_fan_id}"))
    assert (other["is_subscribed"], other["is_phone_subscribed"]) == (False, refusal != "everything")
