"""Staff sign in: invitation, password and code, recovery codes, links; and what is refused, to how many attempts."""

import asyncio
from datetime import UTC, datetime

import httpx
import pyotp
import pytest

from fanfare.kernel.clock import Clock
from fanfare.kernel.data.db import Db
from fanfare.staff.actions.passwords import new_link
from fanfare.staff.queries.people import person_by_email
from tests.api import Api
from tests.console.people import PASSWORD, accept, code_at, invitation_path, send, set_up_app
from tests.hosted.pages import relative, visitor
from tests.waits import until

SIGN_IN = "/manage/sign_in"


# The server's clock stands still: on a busy machine a code would be over before it is sent.
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def clock() -> Clock:
    return lambda: NOW


class Person:
    """Somebody with password and app; the code of the step before was used for the set-up."""

    def __init__(self, email: str, app: pyotp.TOTP, codes: list[str]) -> None:
        self.email, self.app, self.codes = email, app, codes

    def code(self, step: int = 0) -> str:
        """Return the code of now, or of the next step."""
        return code_at(self.app, NOW, step)


async def new_person(base_url: str, db: Db, account_id: int, email: str) -> Person:
    async with visitor(base_url) as client:
        joined = await accept(client, await invitation_path(db, account_id, email))
        assert joined.headers["location"] == f"/manage/{account_id}", joined.text
        return Person(email, *await set_up_app(client, NOW))


@pytest.fixture(scope="module")
async def person(base_url: str, db: Db, api: Api) -> Person:
    return await new_person(base_url, db, api.account_id, "jo@example.com")


async def password_step(client: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
    return await send(client, SIGN_IN, email=email, password=password)


async def test_an_invitation_a_second_factor_and_the_sign_in(base_url: str, api: Api, person: Person) -> None:
    async with visitor(base_url) as client:
        first = await client.get(f"/manage/{api.account_id}")
        assert (first.status_code, first.headers["location"]) == (303, f"{SIGN_IN}?next=%2Fmanage%2F{api.account_id}")
        step = await send(client, first.headers["location"], email=person.email.upper(), password=PASSWORD)
        assert step.headers["location"].startswith(f"{SIGN_IN}/code?next=")
        assert (await client.get(f"/manage/{api.account_id}")).status_code == 303
        done = await send(client, step.headers["location"], code=person.code())
        assert done.headers["location"] == f"/manage/{api.account_id}"
        assert (await client.get(done.headers["location"])).status_code == 200


async def test_nothing_but_the_set_up_is_open_before_there_is_a_second_factor(base_url: str, db: Db, api: Api) -> None:
    async with visitor(base_url) as client:
        await accept(client, await invitation_path(db, api.account_id, "new@example.com"))
        for path in ("/manage", f"/manage/{api.account_id}", "/manage/me"):
            answer = await client.get(path)
            assert answer.headers.get("location") == "/manage/me/set_up", path
        await set_up_app(client, NOW)
        assert (await client.get(f"/manage/{api.account_id}")).status_code == 200


async def test_a_code_and_a_recovery_code_work_once(base_url: str, db: Db, api: Api) -> None:
    other = await new_person(base_url, db, api.account_id, "once@example.com")
    code, recovery = other.code(), other.codes[0].upper()
    results = []
    for each in (code, code, recovery, recovery, other.codes[1], "000000"):
        async with visitor(base_url) as client:
            step = await password_step(client, other.email)
            results.append((await send(client, step.headers["location"], code=each)).status_code)
    assert results == [303, 422, 303, 422, 303, 422]


async def test_a_code_that_comes_twice_at_once_works_once(base_url: str, db: Db, api: Api) -> None:
    other = await new_person(base_url, db, api.account_id, "twice@example.com")
    code = other.code()

    async def enter() -> int:
        async with visitor(base_url) as client:
            step = await password_step(client, other.email)
            return (await send(client, step.headers["location"], code=code)).status_code

    assert sorted(await asyncio.gather(*(enter() for _ in range(4)))) == [303, 422, 422, 422]


async def test_an_unknown_address_and_a_wrong_password_look_the_same(base_url: str, person: Person) -> None:
    async with visitor(base_url) as client:
        texts = []
        for email in (person.email, "nobody@example.com"):
            answer = await password_step(client, email, "wrong and long enough")
            assert answer.status_code == 422
            assert "Email address and password do not match." in answer.text
            texts.append(len(answer.text) - len(email))
        assert texts[0] == texts[1]


async def test_the_eleventh_password_is_refused_even_when_right(
    base_url: str, db: Db, api: Api, person: Person
) -> None:
    other = await new_person(base_url, db, api.account_id, "locked@example.com")
    async with visitor(base_url) as client:
        for _ in range(10):
            assert (await password_step(client, other.email, "wrong and long enough")).status_code == 422
        refused = await password_step(client, other.email)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0
        # Another address is not locked.
        assert (await password_step(client, person.email)).status_code == 303


async def test_the_sixth_code_is_refused_even_when_right(base_url: str, db: Db, api: Api) -> None:
    other = await new_person(base_url, db, api.account_id, "codes@example.com")
    async with visitor(base_url) as client:
        code_path = (await password_step(client, other.email)).headers["location"]
        for _ in range(5):
            assert (await send(client, code_path, code="000000")).status_code == 422
        assert (await send(client, code_path, code=other.code())).status_code == 429


async def test_the_second_step_belongs_to_the_browser_of_the_first(base_url: str, person: Person) -> None:
    async with visitor(base_url) as client, visitor(base_url) as thief:
        await password_step(client, person.email)
        thief.cookies.set("fanfare-staff-step", client.cookies["fanfare-staff-step"])
        assert (await thief.get(f"{SIGN_IN}/code")).headers["location"] == SIGN_IN


async def test_a_link_signs_in_once_and_not_by_being_looked_at(base_url: str, db: Db, person: Person) -> None:
    entry = await person_by_email(db, person.email)
    assert entry
    path = relative(await new_link(db, entry.staff_id, "sign_in", datetime.now(UTC)))
    async with visitor(base_url) as client:
        assert "Jo Castle" in (await client.get(path)).text
        assert (await client.get("/manage")).status_code == 303
        page = await client.get(path)
        assert (await send(client, path)).headers["location"] == "/manage"
        assert (await client.get("/manage")).headers["location"].startswith("/manage/")
        assert page.status_code == 200
        assert (await client.get(path)).status_code == 404


async def test_a_new_password_ends_every_session(base_url: str, db: Db, api: Api) -> None:
    other = await new_person(base_url, db, api.account_id, "forgetful@example.com")
    entry = await person_by_email(db, other.email)
    assert entry
    async with visitor(base_url) as client:
        step = await password_step(client, other.email)
        await send(client, step.headers["location"], code=other.code())
        assert (await client.get("/manage/me")).status_code == 200
        path = relative(await new_link(db, entry.staff_id, "password", datetime.now(UTC)))
        assert (await send(client, path, password="short")).status_code == 422
        assert (await send(client, path, password="another long password")).headers["location"] == SIGN_IN
        assert (await client.get("/manage/me")).status_code == 303
        assert (await password_step(client, other.email)).status_code == 422
        assert (await password_step(client, other.email, "another long password")).status_code == 303
        assert (await client.get(path)).status_code == 404


async def test_whoever_asks_for_a_link_learns_nothing(base_url: str, db: Db, person: Person) -> None:
    async with visitor(base_url) as client:
        pages = [await send(client, "/manage/password", email=each) for each in (person.email, "nobody@example.com")]
    assert [page.status_code for page in pages] == [200, 200]
    first, second = (page.text.partition("<main")[2] for page in pages)
    assert first == second
    sql = "select count(*) from jobs.pgqueuer where entrypoint = 'staff.send_password_mail'"
    await until(lambda: db.value(sql))
    assert await db.value(sql) == 1


async def test_an_invitation_of_another_account_is_accepted_after_signing_in(
    base_url: str, db: Db, other_api: Api, person: Person
) -> None:
    path = await invitation_path(db, other_api.account_id, person.email)
    async with visitor(base_url) as client:
        page = await client.get(path)
        assert "Sign in with that address" in page.text
        # Whoever has the link alone gets nothing.
        assert (await send(client, SIGN_IN, path, name="Eve", password=PASSWORD)).status_code == 409
        step = await password_step(client, person.email)
        await send(client, step.headers["location"], code=person.codes[5])
        assert (await send(client, path)).headers["location"] == f"/manage/{other_api.account_id}"
        assert (await client.get(f"/manage/{other_api.account_id}")).status_code == 200
        assert (await client.get(path)).status_code == 404


async def test_next_leads_to_pages_of_ours_alone(base_url: str, person: Person) -> None:
    for path in (
        "https://evil.example",
        "//evil.example",
        "/manage/\\evil",
        "/crm/my_data",
        "/managed",
        "/manage/../trk/x",
        "/manage/%2e%2e/trk/x",
        "/manage/me/.%2E/../trk/x",
        "/manage/./me",
        "javascript:1",
    ):
        async with visitor(base_url) as client:
            step = await send(client, f"{SIGN_IN}?next={path}", email=person.email, password=PASSWORD)
            assert step.headers["location"] == f"{SIGN_IN}/code", path


async def test_the_store_has_no_secret(db: Db, person: Person) -> None:
    rows = [
        str(dict(row))
        for name in ("staff", "staff_sessions", "staff_recovery_codes", "staff_invitations", "staff_links")
        for row in await db.rows(f"select * from {name}")
    ]
    text = "\n".join(rows)
    assert "argon2id" in text
    for secret in (PASSWORD, person.app.secret, person.codes[3], person.codes[3].replace("-", "")):
        assert secret not in text
