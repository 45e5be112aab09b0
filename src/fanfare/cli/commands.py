"""The tree of commands, and how errors are reported in a shell."""

from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from fanfare.kernel.running.exits import in_one_line

# Where each command and each group of commands is, in the order of the help.
COMMANDS = {
    "up": "processes:up",
    "serve": "processes:serve",
    "work": "processes:work",
    "index": "processes:index",
    "migrate": "migrations:migrate",
    "backup": "backups:backup",
    "restore": "backups:restore",
    "verify": "verify:verify",
    "psql": "psql:psql",
    "demo": "demo:demo",
    "listen": "announcements:listen",
    "trigger": "announcements:trigger",
    "account": "accounts:account",
    "key": "accounts:key",
    "audit": "audit:audit",
    "erasures": "backups:erasures",
    "messages": "messages:messages",
    "import": "moving:imports",
    "openid-key": "openid_keys:openid_key",
    "places": "places:places",
    "secret-key": "secret_keys:secret_key",
    "staff": "staff:staff",
}
# What a command needs that passes on the options which it does not know.
PASSING = {"allow_extra_args": True, "ignore_unknown_options": True}


class Commands(TyperGroup):
    """The commands. Only what is called is loaded: all of them take several times as long as most run."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - the library's signature
        """Return the names."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - the library's signature
        """Return a command or a group, or None if there is none of this name."""
        return _load(cmd_name) if cmd_name in COMMANDS else None


@cache
def _load(name: str) -> Any:  # noqa: ANN401 - of a class that the library keeps to itself
    module, _, attribute = COMMANDS[name].partition(":")
    command = getattr(import_module(f"fanfare.cli.{module}"), attribute)
    if isinstance(command, typer.Typer):
        result: Any = get_group(command)
    else:
        program = typer.Typer(add_completion=False)
        program.command(context_settings=PASSING if name == "psql" else {})(command)
        result = get_command(program)
    result.name = name
    return result


app = typer.Typer(
    name="fanfare",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer passes it by position
    if value:
        # Loads a library that reads archives.
        from importlib.metadata import version  # noqa: PLC0415 - see above

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


def run() -> None:
    """Run the command line; errors are reported in one line, with exit status 1."""
    with in_one_line():
        app()
