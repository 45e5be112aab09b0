"""Every form that needs a proof does after it what it does without the question: its work, or the form comes back."""

import re
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any, get_type_hints

import httpx
import msgspec
import pytest

from fanfare import app
from fanfare.console.shell.access import Access
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Page
from fanfare.kernel.parameters import Params
from tests.api import Api
from tests.console.people import COOKIE, add_person, copy_in, session_cookie
from tests.console.test_pages import ACCESSES, PROOF_ACTION, name_of, path_of
from tests.console.visits import many_visits
from tests.hosted.pages import token_in, visitor

# What a script asks for is no form.
FORMS = [each for each in ACCESSES.values() if each.needs_proof and each.method == "POST"]
DATA = "/manage/{account_id}/console/keys"
# What is typed into every field: a text, which most forms refuse, and a number, which most take.
TYPED = ("typed words", "7")
# What differs from one answer to the next: ids, keys, tokens, moments.
CHANGING = re.compile(r"<code>[^<]*</code>|[0-9a-f]{8}-[0-9a-f-]{27}|[\w-]{20,}={0,2}|\d+")

__all__ = ["many_visits"]


def handlers() -> Iterator[tuple[tuple[str, str], Any]]:
    """Give the function of each page by method and path."""
    app.pages()
    for name, module in list(sys.modules.items()):
        for value in list(vars(module).values()) if name.startswith("fanfare.console.pages.") else ():
            if isinstance(declared := getattr(value, "page", None), Page):
                yield (declared.method, declared.path), value


HANDLERS = dict(handlers())


def fields_of(access: Access, text: str) -> dict[str, str]:
    """Return a text for every field of a form that is not in its path."""
    hints = get_type_hints(HANDLERS[access.method, access.path]).values()
    structs = [each for each in hints if isinstance(each, type) and issubclass(each, Params)]
    names = [field.encode_name for struct in structs for field in msgspec.structs.fields(struct)]
    return {name: text for name in names if f"{{{name}}}" not in access.path}


class Person:
    """Somebody of staff in a browser."""

    def __init__(self, client: httpx.AsyncClient, db: Db, staff_id: int) -> None:
        self.client, self.db, self.staff_id = client, db, staff_id

    async def prove(self, minutes: int) -> None:
        """Let the last proof be so many minutes old."""
        proved_at = datetime.now(UTC) - timedelta(minutes=minutes)
        await self.db.execute("update staff_sessions set proved_at = $2 where staff_id = $1", self.staff_id, proved_at)


@pytest.fixture
async def person(base_url: str, db: Db, api: Api) -> AsyncIterator[Person]:
    """Somebody new, because forms about oneself end what one has."""
    staff_id = await add_person(db, api.account_id, f"sender{datetime.now(UTC).timestamp()}@example.com")
    await db.execute("update staff set password_hash = 'some' where staff_id = $1", staff_id)
    async with visitor(base_url) as client:
        client.cookies.set(COOKIE, await session_cookie(db, staff_id), domain="127.0.0.1")
        yield Person(client, db, staff_id)


def unused(path: str) -> str:
    """Return a path with an id that nothing has, so that the second form finds what the first found."""
    head, account, rest = re.split(r"(/manage/\w+)", path, maxsplit=1)
    return head + account + re.sub(r"/1(?=/|$)", "/999999", rest)


def outline(answer: httpx.Response) -> tuple[int, str, list[str]]:
    """Return what an answer says, without what changes: its status, where it leads, and the words of its page."""
    words = re.sub(r"<[^>]*(?:value|href)=\"([^\"]*)\"[^>]*>|<[^>]+>", r" \1 ", CHANGING.sub("", answer.text))
    return answer.status_code, CHANGING.sub("", answer.headers.get("location", "")), words.split()


@pytest.mark.parametrize("access", [each for each in FORMS if each.path != DATA], ids=name_of)
async def test_a_form_is_sent_as_it_was_typed(person: Person, api: Api, access: Access) -> None:
    path, client = unused(path_of(access, api.account_id)), person.client
    token = token_in(await client.get("/manage/me"))
    for text in TYPED:
        fields = {"form_token": token, **fields_of(access, text)}
        await person.prove(11)
        question = await client.post(path, data=fields)
        assert question.status_code == 403, question.text
        assert httpx.URL(unescape(PROOF_ACTION.findall(question.text)[0])).params["next"].startswith("/manage/")
        await person.prove(0)
        after = await client.post(path, data={"form_token": token, "form_copy": copy_in(question)})
        # Nobody is asked twice, and the form says what it says without the question.
        assert "form_copy" not in after.text
        assert outline(after) == outline(await client.post(path, data=fields))
        # What is wrong with it is said where it stands.
        if after.status_code == 422:
            assert 'class="rail"' in after.text, after.text
            assert "note--bad" in after.text
