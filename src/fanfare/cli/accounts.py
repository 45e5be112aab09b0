"""`account` and `key`: tenants and what their programs call with."""

import uuid
from datetime import timedelta
from typing import Annotated
from zoneinfo import available_timezones

import msgspec
import typer

from fanfare.accounts import actions, queries
from fanfare.accounts.schemas import NewKey
from fanfare.cli.database import in_database
from fanfare.cli.options import AsJson, DataDir
from fanfare.kernel.callers import SCOPES
from fanfare.kernel.clock import system_clock
from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running.settings import Settings, from_environment

account = typer.Typer(help="Create accounts.", no_args_is_help=True)
key = typer.Typer(help="Create, list, rotate and revoke the keys of an account.", no_args_is_help=True)

AccountId = Annotated[int, typer.Option("--account", help="The account's id")]
ApiKey = Annotated[uuid.UUID, typer.Argument(help="The public key (a UUID)")]
ONCE = "The secret is not stored and will not be shown again."


@account.command("create")
def create_account(
    name: Annotated[str, typer.Argument(help="The account's name")],
    time_zone: Annotated[str, typer.Option(help="Time zone of the account, such as America/New_York")] = "UTC",
    data_dir: DataDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make an account with a first key that may do everything."""
    _check_zone(time_zone)
    made = in_database(
        _settings(data_dir),
        "fanfare account create",
        lambda db: actions.create_account(db, name, system_clock(), time_zone=time_zone),
        create=True,
    )
    if as_json:
        _print_json(made)
        return
    typer.echo(f"account_id  {made.account_id}\napi_key     {made.api_key}\napi_secret  {made.api_secret}\n{ONCE}")


@key.command("create")
def create_key(
    account_id: AccountId,
    scope: Annotated[
        list[str] | None, typer.Option(help="A scope of the key; can be repeated. Default: all scopes")
    ] = None,
    name: Annotated[str, typer.Option(help="What the key is for")] = "",
    rate_limit: Annotated[int, typer.Option(min=1, help="Calls per minute")] = 10_000,
    data_dir: DataDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a key with a secret."""
    scopes = scope or list(SCOPES)
    made = in_database(
        _settings(data_dir),
        "fanfare key create",
        lambda db: actions.create_key(db, account_id, scopes, system_clock(), name=name, rate_limit=rate_limit),
    )
    _print_key(made, as_json=as_json)


@key.command("list")
def list_keys(account_id: AccountId, data_dir: DataDir = None, *, as_json: AsJson = False) -> None:
    """List the keys of an account; secrets are known by their first letters."""
    keys = in_database(_settings(data_dir), "fanfare key list", lambda db: queries.keys(db, account_id))
    if as_json:
        _print_json(keys)
        return
    for each in keys:
        state = "revoked" if each.revocation_timestamp else ", ".join(each.secret_prefixes)
        typer.echo(f"{each.api_key}  {each.rate_limit}/min  {','.join(each.scopes)}  {state}  {each.key_name}")


@key.command("rotate")
def rotate_key(
    api_key: ApiKey,
    account_id: AccountId,
    overlap_hours: Annotated[float, typer.Option(min=0, help="How long the old secret keeps working")] = 24,
    data_dir: DataDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret; the present one works on for a while."""
    overlap = timedelta(hours=overlap_hours)
    made = in_database(
        _settings(data_dir),
        "fanfare key rotate",
        lambda db: actions.rotate_key(db, account_id, api_key, system_clock(), overlap=overlap),
    )
    _print_key(made, as_json=as_json)


@key.command("revoke")
def revoke_key(api_key: ApiKey, account_id: AccountId, data_dir: DataDir = None) -> None:
    """End a key at once."""
    in_database(
        _settings(data_dir),
        "fanfare key revoke",
        lambda db: actions.revoke_key(db, account_id, api_key, system_clock()),
    )
    typer.echo(f"revoked {api_key}")


def _settings(data_dir: DataDir) -> Settings:
    return from_environment().changed(data_dir=data_dir)


def _print_key(made: NewKey, *, as_json: bool) -> None:
    if as_json:
        _print_json(made)
        return
    typer.echo(
        f"api_key     {made.api_key}\napi_secret  {made.api_secret}\nscopes      {', '.join(made.scopes)}\n{ONCE}"
    )


def _print_json(value: object) -> None:
    typer.echo(msgspec.json.encode(value).decode())


def _check_zone(name: str) -> None:

    if name not in available_timezones():
        message = f"{name!r} is not a time zone; use a name such as America/New_York"
        raise CannotRun(message)
