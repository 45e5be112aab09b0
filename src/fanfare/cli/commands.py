"""The commands, their options, and how a refusal is told on a shell."""

import typer

from fanfare.cli import accounts, backups, demo, places, processes, psql
from fanfare.kernel.running.exits import in_one_line

app = typer.Typer(
    name="fanfare",
    help="Fanfare: a self-hosted fan CRM and engagement server on one PostgreSQL.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(processes.up)
app.command()(processes.serve)
app.command()(processes.work)
app.command()(processes.index)
app.command()(processes.migrate)
app.command()(backups.backup)
app.command()(backups.restore)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(psql.psql)
app.command()(demo.demo)
app.add_typer(accounts.account, name="account")
app.add_typer(accounts.key, name="key")
app.add_typer(backups.erasures, name="erasures")
app.add_typer(places.places, name="places")


def run() -> None:
    """Run the command line. What cannot be done is told in one line, with exit status 1."""
    with in_one_line():
        app()
