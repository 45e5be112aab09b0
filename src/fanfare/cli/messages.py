"""`messages`: what was sent, and what would have been where no gateway is set."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import typer

from fanfare.cli.accounts import AccountId
from fanfare.cli.database import in_database
from fanfare.cli.options import DataDir
from fanfare.kernel.clock import system_clock
from fanfare.kernel.data.db import OUTAGES, Db
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.kernel.running.settings import Settings, from_environment
from fanfare.messages.actions import reports
from fanfare.messages.queries import messages as queries
from fanfare.messages.reports.parsing import read_mail
from fanfare.messages.schemas.messages import Message, MessageWindow

messages = typer.Typer(help="List and read mail and SMS, also those that no gateway sends.", no_args_is_help=True)

WATCH_SECONDS = 1.0
# How many messages may be between one that waits and a newer one that is stored.
MAX_WAITING = 200
MAX_PRINTED = 10 * MAX_WAITING
MAX_MAIL_BYTES = 256 * 1024
MessageId = Annotated[int, typer.Argument(help="Id of the message, as `fanfare messages list` shows it")]


@messages.command("list")
def list_messages(
    account_id: AccountId,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Number of messages")] = 20,
    data_dir: DataDir = None,
) -> None:
    """List the newest messages of an account: id, state, channel, template, recipient.

    Example: fanfare messages list --account 1
    """
    window = MessageWindow(limit=limit)
    page = in_database(
        _settings(data_dir), "fanfare messages list", lambda db: queries.messages(db, account_id, window)
    )
    for each in page.data:
        typer.echo(_line(each))


@messages.command("show")
def show_message(message_id: MessageId, account_id: AccountId, data_dir: DataDir = None) -> None:
    """Print a message. One that is stored or waits is printed with its code or link.

    Example: fanfare messages show 1042 --account 1
    """

    async def read(db: Db) -> Sequence[str]:
        return await _readable(db, account_id, message_id)

    for line in in_database(_settings(data_dir), "fanfare messages show", read):
        typer.echo(line)


@messages.command("watch")
def watch_messages(account_id: AccountId, data_dir: DataDir = None) -> None:
    """Print each message of an account that is stored from now on, with its code or link, until Ctrl-C.

    Example: fanfare messages watch --account 1
    """
    in_database(_settings(data_dir), "fanfare messages watch", lambda db: _watch(db, account_id))


@messages.command("report")
def report_messages(data_dir: DataDir = None) -> None:
    """Read a returned mail (a bounce or a complaint) from the standard input, as mail servers pipe it.

    Example: fanfare messages report
    """
    mail = sys.stdin.buffer.read(MAX_MAIL_BYTES)
    # Before the database is opened: most mail to such an address is no report.
    settings = _settings(data_dir)
    parsed = read_mail(mail)
    if parsed:
        in_database(settings, "fanfare messages report", lambda db: reports.note(db, parsed, system_clock()))


async def _watch(db: Db, account_id: int) -> None:
    # A message can be stored after one with a higher id, so the ids are kept; one that waits now is printed later.
    page = await queries.messages(db, account_id, MessageWindow(limit=MAX_WAITING))
    printed = {each.message_id for each in page.data if each.state == "stored"}
    position = page.data[-1].message_id - 1 if page.data else 0
    # Not with the messages: a message before this line is not printed.
    typer.echo(f"Watching for messages of account {account_id}; Ctrl-C stops it", err=True)
    # Until Fanfare stops.
    with suppress(*OUTAGES):
        while True:
            for each in await queries.stored_behind(db, account_id, position, printed):
                for line in await _readable(db, account_id, each):
                    typer.echo(line)
                printed.add(each)
            if len(printed) > MAX_PRINTED:
                position = sorted(printed)[-MAX_WAITING]
                printed = {each for each in printed if each > position}
            sys.stdout.flush()
            await asyncio.sleep(WATCH_SECONDS)


async def _readable(db: Db, account_id: int, message_id: int) -> Sequence[str]:
    """Return a message as lines: as it would be sent while its values are there, else as it was recorded."""
    # Templates are rendered with Jinja, which no other command needs.
    from fanfare.messages.actions.delivery import unsealed  # noqa: PLC0415 - as said

    message = await queries.message(db, account_id, message_id)
    content = await unsealed(db, account_id, message_id)
    subject, text = (content.subject, content.text) if content else (message.subject, message.text_body)
    return [_line(message), *([f"Subject: {subject}"] if subject else []), "", text or "(no text is recorded)", ""]


def _settings(data_dir: DataDir) -> Settings:
    settings = from_environment().replace(data_dir=data_dir)
    secret_keys.use(settings)
    return settings


def _line(message: Message) -> str:
    name, recipient = message.template_name, message.recipient or "(erased)"
    return f"{message.message_id}  {message.state:<11}  {message.channel:<5}  {name:<14}  {recipient}"
