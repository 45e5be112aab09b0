"""Messages and worker processes: one that is killed sends nothing twice, and no log says what was secret."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.messages.actions.delivery import LONGEST_SENDING, deliver
from tests.api import Api
from tests.messages.gateways import Mailbox, http_gateway, mail_server
from tests.messages.sending import CODE, FROM, login_code, message_row, queue
from tests.running import PATIENCE, Program

LINK = "https://fans.example.com/reset?token=tok-9b1f"
WORKER = [sys.executable, "-P", "-m", "fanfare.cli.worker"]


def worker(settings: Settings, url: str, **environment: str) -> Program:
    """Start a worker process that sends to a mail server."""
    sending = settings.replace(smtp_url=url, mail_from=FROM, heartbeat_seconds=1.0)
    return Program(WORKER, **{**sending.environment(), **environment})


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    end = time.monotonic() + PATIENCE
    while not await is_so():
        assert time.monotonic() < end, "it never came"
        await asyncio.sleep(0.05)


async def state(db: Db, account_id: int, message_id: int) -> str:
    row = await message_row(db, account_id, message_id)
    name: str = row["message_state"]
    return name


@contextmanager
def killing(box: Mailbox, hook: str, program: list[Program]) -> Iterator[None]:
    """Kill the worker with signal 9 as the mail server comes to a point, before it answers."""

    def kill() -> None:
        program[0].kill()

    setattr(box, hook, kill)
    yield
    setattr(box, hook, lambda: None)


async def test_a_worker_killed_before_its_answer_sends_nothing_twice(api: Api, db: Db, settings: Settings) -> None:
    message_id = await queue(db, api.account_id, login_code(expires_at=None))
    programs: list[Program] = []
    with mail_server() as box:
        with killing(box, "on_mail", programs):
            programs.append(worker(settings, box.url))
            await until(lambda: asyncio.to_thread(lambda: programs[0].process.poll() is not None))
        assert len(box.raw) == 1
        assert await state(db, api.account_id, message_id) == "sending"
        with worker(settings, box.url):
            # It has the dead one's job, and looks again when nobody can be sending any more.
            await until(lambda: _is_looked_after(db, message_id))
        assert await state(db, api.account_id, message_id) == "sending"
        late = datetime.now(UTC) + LONGEST_SENDING + timedelta(seconds=1)
        for _ in range(2):
            await deliver(db, api.account_id, message_id, late)
        row = await message_row(db, api.account_id, message_id)
        assert (row["message_state"], row["sealed_values"]) == ("unconfirmed", None)
        assert len(box.raw) == 1


async def _is_looked_after(db: Db, message_id: int) -> bool:
    jobs = await db.value("select count(*) from jobs.pgqueuer where dedupe_key like $1", f"%:{message_id}:%:end")
    return bool(jobs)


async def test_a_worker_killed_before_the_mail_leaves_it_to_the_next(api: Api, db: Db, settings: Settings) -> None:
    message_id = await queue(db, api.account_id, login_code(expires_at=None))
    programs: list[Program] = []
    with mail_server() as box:
        with killing(box, "on_recipient", programs):
            programs.append(worker(settings, box.url))
            await until(lambda: asyncio.to_thread(lambda: programs[0].process.poll() is not None))
        assert (box.raw, await state(db, api.account_id, message_id)) == ([], "queued")
        with worker(settings, box.url):
            await until(lambda: _is_sent(db, api.account_id, message_id))
        assert len(box.raw) == 1


async def _is_sent(db: Db, account_id: int, message_id: int) -> bool:
    return await state(db, account_id, message_id) == "sent"


async def _is_settled(db: Db, account_id: int, message_id: int) -> bool:
    row = await message_row(db, account_id, message_id)
    return row["message_state"] not in ("queued", "sending") or row["try_count"] > 0


def texts_of(box: Mailbox) -> list[str]:
    """Return the plain texts of the mails that a server got; there are some."""
    result = [part.get_content() for mail in box.mails if (part := mail.get_body(("plain",)))]
    assert result
    return result


async def rows_of(db: Db) -> list[str]:
    """Return what each table of the database holds, those of the queue too."""
    tables = await db.rows("select schemaname || '.' || relname as name from pg_stat_user_tables")
    return [await db.value(f"select coalesce(string_agg(t::text, ' '), '') from {row['name']} t") for row in tables]


async def test_a_worker_knows_the_senders_of_sms(api: Api, db: Db, settings: Settings) -> None:
    await db.execute(
        "insert into message_senders (account_id, sender_id, sms_sender, confirmation_token, created_at, updated_at)"
        " values ($1, 1, 'HARBOUR', 't', now(), now())",
        api.account_id,
    )
    message_id = await queue(db, api.account_id, login_code(channel="sms", recipient="+16045550123"))
    with http_gateway() as inbox:
        with worker(settings, "", FANFARE_SMS_URL=inbox.url, FANFARE_SMS_SENDERS="NORTH, HARBOUR"):
            await until(lambda: _is_sent(db, api.account_id, message_id))
        assert inbox.requests[0][2]["from"] == "HARBOUR"
    await db.execute("delete from message_senders where account_id = $1", api.account_id)


async def test_no_log_error_or_change_has_a_code_or_a_password(api: Api, db: Db, settings: Settings) -> None:
    """Of what is sent, put off, refused, unconfirmed, of wrong templates and passwords: all logs and all tables."""
    reset = {"template": "password_reset", "values": {"minutes": 60}, "secrets": {"link": LINK}}
    with mail_server(needs_password=True) as box, http_gateway() as inbox:
        box.replies = {"rcpt": ["451 later", "550 5.1.1 unknown"], "data": [f"554 I did not like {CODE} nor {LINK}"]}
        inbox.statuses = [201, 500, 503, 400]
        new = [login_code(), login_code(), login_code(**reset), login_code(**reset), login_code()]
        new += [login_code(channel="sms", recipient=f"+1604555012{number}") for number in range(4)]
        ids = [await queue(db, api.account_id, each) for each in new]
        url = box.url.replace("127", "mailer:pa%2Fss@127", 1)
        sms_url = inbox.url.replace("http://", "http://sms:hunter2@")
        program = worker(settings, url, FANFARE_SMS_URL=sms_url, FANFARE_LOG_LEVEL="debug")
        with program:
            for each in ids:
                await until(partial(_is_settled, db, api.account_id, each))
        # A wrong password, and a gateway that apprise speaks to.
        service = inbox.url.replace("http://", "signal://") + "/+16045550100"
        wrong = worker(settings, url.replace("pa%2Fss", "hunter2"), FANFARE_SMS_URL=service, FANFARE_LOG_LEVEL="debug")
        with wrong:
            for new_one in (
                login_code(recipient="last@example.com"),
                login_code(channel="sms", recipient="+16045550129"),
            ):
                await until(partial(_is_settled, db, api.account_id, await queue(db, api.account_id, new_one)))
    assert all(CODE in text or LINK in text for text in texts_of(box))
    logs = program.output + program.errors + wrong.output + wrong.errors
    assert '"event": "working"' in logs
    texts = [logs, *await rows_of(db)]
    secrets = (CODE, "tok-9b1f", "pa/ss", "pa%2Fss", "hunter2")
    assert [(secret, text[:80]) for secret in secrets for text in texts if secret in text] == []


def test_a_worker_with_wrong_settings_says_so_and_ends(settings: Settings) -> None:
    environment = settings.environment() | {"FANFARE_SMTP_URL": "smtp://u:hunter2@mail.example.com"}
    with Program(WORKER, **{**os.environ, **environment}) as program:
        assert program.wait() == 1
        assert program.errors == "fanfare: FANFARE_SMTP_URL needs FANFARE_MAIL_FROM, the sender of mail\n"
