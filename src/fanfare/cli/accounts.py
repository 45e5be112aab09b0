"""`account` and `key`: tenants and their API keys."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Annotated

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
from fanfare.kernel.wire.zones import zone_names
from fanfare.places.countries import country_code

account = typer.Typer(help="Create and list accounts.", no_args_is_help=True)
key = typer.Typer(help="Create, list, rotate and revoke the keys of an account.", no_args_is_help=True)

AccountId = Annotated[int, typer.Option("--account", help="Id of the account")]
ApiKey = Annotated[uuid.UUID, typer.Argument(help="The key, a UUID, as `fanfare key list` shows it")]
NOTICE = "The secret is not stored and will not be shown again."


@account.command("create")
def create_account(
    name: Annotated[str, typer.Argument(help="Name of the account")],
    time_zone: Annotated[str, typer.Option(help="Time zone of the account, such as America/New_York")] = "UTC",
    country: Annotated[
        str | None,
        typer.Option(
            help="Home country of the account, such as CA: phone numbers without a country code and provinces are read"
            " as in this country. Default: none",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Create an account with a first key, which has every scope.

    Example: fanfare account create "Harbour City" --time-zone America/Vancouver --country CA
    """
    _check_zone(time_zone)
    home = _country(country)
    new_key = in_database(
        _settings(data_dir),
        "fanfare account create",
        lambda db: actions.create_account(db, name, system_clock(), time_zone=time_zone, country_code=home),
        create=lambda: actions.check_name(name),
    )
    if as_json:
        _print_json(new_key)
        return
    typer.echo(
        f"account_id  {new_key.account_id}\napi_key     {new_key.api_key}\napi_secret  {new_key.api_secret}\n{NOTICE}"
    )


@account.command("list")
def list_accounts(data_dir: DataDir = None, *, as_json: AsJson = False) -> None:
    """List the accounts: id, name, country, time zone, creation, and the number of keys that are not revoked."""
    accounts = in_database(_settings(data_dir), "fanfare account list", queries.accounts)
    if as_json:
        _print_json(accounts)
        return
    rows = [("account_id", "keys", "created", "country", "time zone", "name")]
    for each in accounts:
        created = datetime.fromtimestamp(each.creation_timestamp, UTC)
        rows.append(
            (
                str(each.account_id),
                str(each.key_count),
                f"{created:%Y-%m-%d}",
                each.country_code or "-",
                each.time_zone,
                each.account_name,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(map(str.ljust, row, widths)).rstrip())


@key.command("create")
def create_key(
    account_id: AccountId,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Scope of the key, can be repeated: {', '.join(SCOPES)}. Default: all of them", show_default=False
        ),
    ] = None,
    name: Annotated[
        str,
        typer.Option(help="What the key is for, as `fanfare key list` shows it. Default: empty", show_default=False),
    ] = "",
    rate_limit: Annotated[int, typer.Option(min=1, help="Calls per minute")] = 10_000,
    data_dir: DataDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Create a key with a secret. A scope is a section of the API; the key can make only the calls of its scopes.

    Example: fanfare key create --account 1 --scope crm --scope segments --name website
    """
    scopes = scope or list(SCOPES)
    new_key = in_database(
        _settings(data_dir),
        "fanfare key create",
        lambda db: actions.create_key(db, account_id, scopes, system_clock(), name=name, rate_limit=rate_limit),
    )
    _print_key(new_key, as_json=as_json)


@key.command("list")
def list_keys(account_id: AccountId, data_dir: DataDir = None, *, as_json: AsJson = False) -> None:
    """List the keys of an account, with their scopes and the first letters of their secrets.

    Example: fanfare key list --account 1
    """
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
    overlap_hours: Annotated[float, typer.Option(min=0, help="Hours that the old secret still works")] = 24,
    data_dir: DataDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret; the old one works for a while longer.

    Example: fanfare key rotate 0a1b2c3d-0000-4000-8000-000000000000 --account 1 --overlap-hours 1
    """
    overlap = timedelta(hours=overlap_hours)
    new_key = in_database(
        _settings(data_dir),
        "fanfare key rotate",
        lambda db: actions.rotate_key(db, account_id, api_key, system_clock(), overlap=overlap),
    )
    _print_key(new_key, as_json=as_json)


@key.command("revoke")
def revoke_key(api_key: ApiKey, account_id: AccountId, data_dir: DataDir = None) -> None:
    """Revoke a key; takes effect within a second.

    Example: fanfare key revoke 0a1b2c3d-0000-4000-8000-000000000000 --account 1
    """
    in_database(
        _settings(data_dir),
        "fanfare key revoke",
        lambda db: actions.revoke_key(db, account_id, api_key, system_clock()),
    )
    typer.echo(f"revoked {api_key}")


def _settings(data_dir: DataDir) -> Settings:
    return from_environment().replace(data_dir=data_dir)


def _print_key(key: NewKey, *, as_json: bool) -> None:
    if as_json:
        _print_json(key)
        return
    typer.echo(
        f"api_key     {key.api_key}\napi_secret  {key.api_secret}\nscopes      {', '.join(key.scopes)}\n{NOTICE}"
    )


def _print_json(value: object) -> None:
    typer.echo(msgspec.json.encode(value).decode())


def _country(name: str | None) -> str | None:
    try:
        return country_code(name)
    except ValueError as wrong:
        message = f"{name!r} {wrong}"
        raise CannotRun(message) from None


def _check_zone(name: str) -> None:
    if name not in zone_names():
        message = f"{name!r} is not a time zone; use a name such as America/New_York"
        raise CannotRun(message)
