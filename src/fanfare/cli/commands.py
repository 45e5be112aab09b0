"""The tree of commands, and how errors are reported in a shell."""

from importlib.metadata import version
from typing import Annotated

import typer

from fanfare.cli import (
    accounts,
    announcements,
    audit,
    backups,
    demo,
    messages,
    moving,
    openid_keys,
    places,
    processes,
    psql,
    secret_keys,
    staff,
    verify,
)
from fanfare.kernel.running.exits import in_one_line

app = typer.Typer(
    name="fanfare",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer passes it by position
    if value:
        typer.echo(f"fanfare {version('fanfare')}")
        raise typer.Exit


@app.callback()
def fanfare(
    *,
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Fanfare: a self-hosted fan CRM and engagement server on one PostgreSQL."""


app.command()(processes.up)
app.command()(processes.serve)
app.command()(processes.work)
app.command()(processes.index)
app.command()(processes.migrate)
app.command()(backups.backup)
app.command()(backups.restore)
app.command()(verify.verify)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(psql.psql)
app.command()(demo.demo)
app.command()(announcements.listen)
app.command()(announcements.trigger)
app.add_typer(accounts.account, name="account")
app.add_typer(accounts.key, name="key")
app.add_typer(audit.audit, name="audit")
app.add_typer(backups.erasures, name="erasures")
app.add_typer(messages.messages, name="messages")
app.add_typer(moving.imports, name="import")
app.add_typer(openid_keys.openid_key, name="openid-key")
app.add_typer(places.places, name="places")
app.add_typer(secret_keys.secret_key, name="secret-key")
app.add_typer(staff.staff, name="staff")


def run() -> None:
    """Run the command line; errors are reported in one line, with exit status 1."""
    with in_one_line():
        app()
