"""The commands: messages that no gateway sends can be read by whoever runs Fanfare, and bounces can be piped in."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.messages.actions.delivery import deliver
from fanfare.messages.reports.references import reference
from tests.api import Api
from tests.kernel.running.test_up import running_up, until
from tests.messages.gateways import Mailbox
from tests.messages.sending import CODE, login_code, queue, send_now
from tests.messages.test_reports import bounce
from tests.messages.test_workers import until as soon
from tests.running import PATIENCE, Program

FANFARE = [sys.executable, "-P", "-m", "fanfare.cli", "messages"]


def run(settings: Settings, *words: str, mail: bytes = b"") -> str:
    ran = subprocess.run(
        [*FANFARE, *words], env=settings.environment(), input=mail, capture_output=True, timeout=PATIENCE, check=True
    )
    return ran.stdout.decode()


async def test_a_stored_message_is_shown_with_its_code(api: Api, db: Db, settings: Settings) -> None:
    row = await send_now(db, api.account_id, login_code())
    account = ("--account", str(api.account_id))
    (line,) = run(settings, "list", *account).splitlines()
    assert line.split() == [str(row["message_id"]), "stored", "email", "login_code", "ada@example.com"]
    assert f"Subject: {CODE} is your code for Northside" in run(settings, "show", str(row["message_id"]), *account)
    other = settings.replace(secret_key=("x" * 32,))
    assert "Subject: •••••• is your code" in run(other, "show", str(row["message_id"]), *account)


@pytest.mark.usefixtures("mailbox")
async def test_a_message_that_was_sent_is_shown_as_it_was_recorded(api: Api, db: Db, settings: Settings) -> None:
    row = await send_now(db, api.account_id, login_code())
    printed = run(settings, "show", str(row["message_id"]), "--account", str(api.account_id))
    assert "••••••" in printed
    assert CODE not in printed


async def test_a_bounce_is_piped_in(api: Api, db: Db, settings: Settings, mailbox: Mailbox) -> None:
    row = await send_now(db, api.account_id, login_code(recipient="piped@example.com"))
    assert len(mailbox.raw) == 1
    assert run(settings, "report", mail=b"Subject: out of office\r\n\r\nBack on Monday") == ""
    assert run(settings, "report", mail=bounce(reference(api.account_id, row["message_id"]))) == ""
    (suppressed,) = await api.ok(await api.get("/api/v1/manage/suppressions", recipient="piped@example.com"))
    assert suppressed["reason"] == "bounce"


async def test_watch_prints_what_is_stored_behind_a_newer_one(api: Api, db: Db, settings: Settings) -> None:
    async def is_printed(recipient: str) -> bool:
        return recipient in watch.output

    words = ["watch", "--account", str(api.account_id)]
    with Program([*FANFARE, *words], **{**os.environ, **settings.environment()}) as watch:
        assert "Watching" in await asyncio.to_thread(watch.line, "errors")
        ids = [await queue(db, api.account_id, login_code(recipient=f"{name}@example.com")) for name in ("old", "new")]
        for message_id, recipient in ((ids[1], "new@example.com"), (ids[0], "old@example.com")):
            await deliver(db, api.account_id, message_id, datetime.now(UTC))
            await soon(partial(is_printed, recipient))
    assert watch.output.count("new@example.com") == 1


def test_up_says_once_that_nothing_is_sent_and_watch_prints_what_would_be(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with running_up(data_dir) as up:
        until("a greeting", PATIENCE, lambda: up.output.count("\n") >= 3)
        assert up.output.count("mail: not sent but stored") == 1
        assert up.output.count("SMS: not sent but stored") == 1
        assert (data_dir / "secret.keys").stat().st_mode & 0o777 == 0o600
        created = subprocess.check_output(
            [*FANFARE[:-1], "account", "create", "Club", "--json", "--data-dir", str(data_dir)], timeout=PATIENCE
        )
        account = json.loads(created)
        words = ["--account", str(account["account_id"]), "--data-dir", str(data_dir)]
        with Program([*FANFARE, "watch", *words]) as watch:
            assert (
                watch.line("errors") == f"Watching for messages of account {account['account_id']}; Ctrl-C stops it\n"
            )
            send = [
                "curl", "-s", "-H", f"Api-Key: {account['api_key']}", "-H", f"Api-Secret: {account['api_secret']}",
                "-d", "template_name=login_code", "-d", "channel=sms", "--data-urlencode", "recipient=+16045550123",
                f"{up.facts['url']}/api/v1/manage/message_templates/send",
            ]  # fmt: skip
            assert b"message_id" in subprocess.check_output(send, timeout=PATIENCE)
            until("no code was printed", PATIENCE, lambda: "Club: Your code to log in: 493817" in watch.output)
        logs = up.errors
    assert "493817" not in logs
