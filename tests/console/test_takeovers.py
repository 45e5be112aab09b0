"""Nobody gets in as somebody else, or keeps somebody out: by templates, foreign invitations, old links and steps."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from fanfare.kernel.clock import Clock
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.mail_server import mail_server
from fanfare.kernel.running.settings import Settings
from fanfare.kernel.running.threads import run_in_thread
from fanfare.messages.actions.delivery import unsealed
from fanfare.messages.gateways.outgoing import outgoing
from fanfare.staff.actions import second_factors
from fanfare.staff.actions.passwords import new_link, person_of_link
from fanfare.staff.actions.second_factors import new_recovery_codes
from fanfare.staff.jobs import send_password_mail
from fanfare.staff.queries.people import person_by_email, recovery_code_count
from tests.api import Api
from tests.console.people import PASSWORD, accept, code_at, invitation_path, send, set_up_app
from tests.hosted.pages import relative, visitor
from tests.messages import gateways
from tests.messages.sending import FROM
from tests.waits import until

SIGN_IN, NEW_PASSWORD = "/manage/sign_in", "another long password"
TEMPLATES = "/api/v1/manage/message_templates"
TIME = [datetime.now(UTC)]


@pytest.fixture(scope="module")
def clock() -> Clock:
    return lambda: TIME[0]


@pytest.fixture
async def stranger(base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with visitor(base_url) as client:
        yield client


@pytest.fixture
async def browser(base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with visitor(base_url) as client:
        yield client


async def password_step(client: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
    return await send(client, SIGN_IN, email=email, password=password)


async def joined(client: httpx.AsyncClient, db: Db, account_id: int, email: str) -> int:
    """Let somebody new join an account in a browser, and return their id."""
    assert (await accept(client, await invitation_path(db, account_id, email))).status_code == 303
    person = await person_by_email(db, email)
    assert person
    return person.staff_id


async def invited_by_call(api: Api, email: str) -> str | None:
    invitation = await api.ok(await api.post("/api/v1/manage/staff_invitations", email=email, role="full"))
    return relative(invitation["invitation_url"]) if invitation["invitation_url"] else None


async def mailed_link(db: Db, account_id: int, email: str) -> str:
    """Return the path of the last mail to an address, which waits."""
    message_id = await db.value(
        "select max(message_id) from messages where account_id = $1 and recipient = $2", account_id, email
    )
    envelope = await unsealed(db, account_id, message_id)
    assert envelope
    return relative(next(word for word in envelope.text.split() if word.startswith("http")))


@pytest.mark.parametrize("name", ["staff_invitation", "staff_password"])
async def test_what_lets_staff_in_has_the_text_of_the_server(db: Db, api: Api, name: str) -> None:
    draft = {
        "template_name": name,
        "channel": "email",
        "language": "en",
        "subject": "x",
        "text_body": "evil {{ link }}",
    }
    for path in (TEMPLATES, f"{TEMPLATES}/preview"):
        assert (await api.post(path, **draft)).status_code == 422
    await db.execute(
        "insert into message_templates (account_id, template_id, template_name, channel, template_language, subject,"
        " text_body, html_body, created_at, updated_at)"
        " values ($1, nextval('positions'), $2, 'email', 'en', 'x', 'evil', '', now(), now())",
        api.account_id,
        name,
    )
    await invited_by_call(api, f"text-{name}@example.com")
    sql = "select message_id from messages where account_id = $1 and recipient = $2"
    envelope = await unsealed(db, api.account_id, await db.value(sql, api.account_id, f"text-{name}@example.com"))
    assert envelope
    assert "evil" not in envelope.text
    assert "/manage/invitation?token=" in envelope.text


async def test_a_new_password_is_sent_in_the_name_of_no_account(
    db: Db, api: Api, settings: Settings, browser: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    staff_id = await joined(browser, db, api.account_id, "reset@example.com")
    draft = {"template_name": "password_reset", "channel": "email", "language": "en", "subject": "evil"}
    await api.ok(await api.post(TEMPLATES, **draft, text_body="evil {{ link }}"))
    await api.ok(await api.post("/api/v1/manage/suppressions", channel="email", recipient="reset@example.com"))
    await send(stranger, "/manage/password", email="reset@example.com")
    messages = "select count(*) from messages where recipient = 'reset@example.com' and template_name ~ 'password'"
    jobs = "select count(*) from jobs.pgqueuer where entrypoint = 'staff.send_password_mail'"
    await until(lambda: db.value(f"select ({messages}) + ({jobs})"))
    assert await db.value(messages) == 0
    with gateways.mail_server() as mailbox:
        outgoing.use(settings.replace(smtp_url=mailbox.url, mail_from=FROM))
        await send_password_mail(db, (staff_id, "de-CH"), TIME[0])
        outgoing.use(settings)
    (mail,) = mailbox.mails
    assert (mail["To"], mail["Subject"]) == ("reset@example.com", "Ihr neues Passwort für die Verwaltung")
    body = mail.get_body(("plain",))
    assert body
    link = relative(next(word for word in body.get_content().split() if word.startswith("http")))
    assert (await send(stranger, link, password=NEW_PASSWORD)).headers["location"] == SIGN_IN


async def test_an_invitation_by_mail_ends_what_another_account_set_up(
    base_url: str, db: Db, api: Api, other_api: Api, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    email = "cfo@club-b.example"
    printed = await invited_by_call(api, email)
    assert printed
    await accept(browser, printed, "Eve")
    await set_up_app(browser, TIME[0])
    assert (await browser.get("/manage/me")).status_code == 200
    # An invitation whose link is printed does not let the person in anywhere else.
    again = await invited_by_call(other_api, email)
    assert again
    assert (await send(browser, "/manage/me", again)).status_code == 409
    assert (await browser.get(f"/manage/{other_api.account_id}")).status_code == 404
    monkeypatch.setattr(mail_server, "is_set", True)
    assert await invited_by_call(other_api, email) is None
    path = await mailed_link(db, other_api.account_id, email)
    async with visitor(base_url) as client:
        answer = await send(client, path, name="Cem Okoro", password=NEW_PASSWORD)
        assert answer.headers["location"] == f"/manage/{other_api.account_id}", answer.text
        assert (await client.get("/manage/me")).headers["location"] == "/manage/me/set_up"
    assert (await browser.get("/manage/me")).headers["location"].startswith(SIGN_IN)
    async with visitor(base_url) as client:
        assert (await password_step(client, email)).status_code == 422
    person = await person_by_email(db, email)
    assert person
    assert (person.is_proved, person.has_second_factor, person.staff_name) == (True, False, "Cem Okoro")


async def test_the_first_link_to_a_person_ends_what_there_was(
    db: Db, api: Api, browser: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    printed = await invited_by_call(api, "unproved@example.com")
    assert printed
    await accept(browser, printed)
    await set_up_app(browser, TIME[0])
    person = await person_by_email(db, "unproved@example.com")
    assert person
    link = relative(await new_link(db, person.staff_id, "password", TIME[0]))
    assert (await send(stranger, link, password=NEW_PASSWORD)).status_code == 303
    assert (await browser.get("/manage/me")).status_code == 303
    assert (await password_step(stranger, "unproved@example.com", NEW_PASSWORD)).headers["location"] == "/manage"
    assert await recovery_code_count(db, person.staff_id) == 0


async def test_a_second_factor_can_be_set_up_later(db: Db, api: Api, browser: httpx.AsyncClient) -> None:
    await joined(browser, db, api.account_id, "late@example.com")
    TIME[0] += timedelta(minutes=11)
    detour = await browser.get("/manage/me/app")
    assert detour.headers["location"].startswith("/manage/prove?next=")
    assert (await browser.get(detour.headers["location"])).status_code == 200
    proof = await send(browser, detour.headers["location"], password=PASSWORD)
    assert proof.headers["location"] == "/manage/me/app"
    await set_up_app(browser, TIME[0])
    assert (await browser.get(f"/manage/{api.account_id}")).status_code == 200


async def test_strangers_do_not_lock_a_browser_of_the_person(
    base_url: str, db: Db, api: Api, browser: httpx.AsyncClient
) -> None:
    await joined(browser, db, api.account_id, "target@example.com")
    app, _ = await set_up_app(browser, TIME[0])
    for _ in range(10):
        async with visitor(base_url) as client:
            await password_step(client, "target@example.com", "wrong and long enough")
            refused = await password_step(client, "target@example.com")
            if refused.status_code == 429:
                break
            TIME[0] += timedelta(minutes=1)
        for _ in range(9):
            async with visitor(base_url) as client:
                await password_step(client, "target@example.com", "wrong and long enough")
    async with visitor(base_url) as client:
        assert (await password_step(client, "target@example.com")).status_code == 429
    # Nor do they lock the proof of a session, or the IP address for the browser.
    detour = await send(browser, "/manage/prove", password=PASSWORD, code=code_at(app, TIME[0]))
    assert detour.status_code == 303, detour.text
    await send(browser, "/manage/me", "/manage/sign_out")
    step = await password_step(browser, "target@example.com")
    assert step.status_code == 303, step.text
    # The browser has counts, too.
    statuses = [
        (await password_step(browser, "target@example.com", "wrong again, long")).status_code for _ in range(11)
    ]
    assert statuses == [422] * 10 + [429]


async def test_a_step_with_the_old_password_takes_no_code(
    db: Db, api: Api, browser: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    staff_id = await joined(browser, db, api.account_id, "steps@example.com")
    app, _ = await set_up_app(browser, TIME[0])
    step = await password_step(stranger, "steps@example.com")
    code_path = step.headers["location"]
    page = await stranger.get(code_path)
    assert page.status_code == 200
    old = [relative(await new_link(db, staff_id, purpose, TIME[0])) for purpose in ("password", "sign_in")]
    link = relative(await new_link(db, staff_id, "password", TIME[0]))
    assert (await send(browser, link, password=NEW_PASSWORD)).status_code == 303
    answer = await send(stranger, SIGN_IN, code_path, code=code_at(app, TIME[0]))
    assert answer.headers["location"] == SIGN_IN
    assert "fanfare-staff" not in stranger.cookies
    # Links that were made before are over as well.
    assert [(await stranger.get(path)).status_code for path in old] == [404, 404]


async def test_a_step_ends_with_the_session(db: Db, api: Api, browser: httpx.AsyncClient) -> None:
    await joined(browser, db, api.account_id, "shared@example.com")
    await set_up_app(browser, TIME[0])
    await send(browser, "/manage/me", "/manage/sign_out")
    await password_step(browser, "shared@example.com")
    assert "fanfare-staff-step" in browser.cookies
    await send(browser, SIGN_IN, "/manage/sign_out")
    assert "fanfare-staff-step" not in browser.cookies


async def test_a_request_ends_no_link_and_has_a_pause(
    db: Db, api: Api, browser: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    staff_id = await joined(browser, db, api.account_id, "links@example.com")
    link = relative(await new_link(db, staff_id, "password", TIME[0]))
    await new_link(db, staff_id, "password", TIME[0])
    token = link.partition("token=")[2]
    assert (await person_of_link(db, token, "password", TIME[0])).staff_id == staff_id
    statuses = []
    for _ in range(11):
        statuses.append((await send(stranger, "/manage/password", email="links@example.com")).status_code)
        TIME[0] += timedelta(minutes=5)
    assert statuses == [200] * 10 + [429]
    assert (await send(stranger, "/manage/password", email="pause@example.com")).status_code == 200
    assert (await send(stranger, "/manage/password", email="pause@example.com")).status_code == 429
    # The person's own browser asks all the same.
    assert (await send(browser, "/manage/password", email="links@example.com")).status_code == 200


async def test_the_picture_of_a_long_address_is_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    address = "ä" * 200 + "@example.com"
    assert len(second_factors.app_url(second_factors.new_secret(), address)) < 200
    threads: list[object] = []
    run = run_in_thread

    async def noted(work: object) -> object:
        threads.append(work)
        return await run(work)  # type: ignore[arg-type]

    monkeypatch.setattr(second_factors, "run_in_thread", noted)
    assert (await second_factors.app_picture(second_factors.new_secret(), address)).startswith("<svg")
    assert len(threads) == 1


async def test_two_new_sets_of_codes_at_once_leave_one(db: Db, api: Api, browser: httpx.AsyncClient) -> None:
    staff_id = await joined(browser, db, api.account_id, "sets@example.com")
    await asyncio.gather(*(new_recovery_codes(db, staff_id) for _ in range(4)))
    assert await recovery_code_count(db, staff_id) == 10
