"""`openid-key`: the keys that sign the ID tokens of an account."""

from datetime import timedelta
from typing import Annotated

import typer

from fanfare.cli.accounts import AccountId
from fanfare.cli.database import in_database
from fanfare.cli.options import DataDir
from fanfare.kernel.clock import system_clock
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.kernel.running.settings import Settings, from_environment
from fanfare.openid.actions import keys
from fanfare.openid.queries.keys import PublishedKey, valid_keys

openid_key = typer.Typer(
    help="List and rotate the keys that sign the ID tokens of OpenID Connect.", no_args_is_help=True
)


@openid_key.command("list")
def list_keys(account_id: AccountId, data_dir: DataDir = None) -> None:
    """List the published keys of an account, the newest first: id, begin and end.

    Example: fanfare openid-key list --account 1
    """

    async def read(db: Db) -> list[PublishedKey]:
        return await valid_keys(db, account_id, system_clock())

    _show(in_database(_settings(data_dir), "fanfare openid-key list", read))


@openid_key.command("rotate")
def rotate(
    account_id: AccountId,
    begin_hours: Annotated[
        float, typer.Option(min=0, help="Hours until the new key signs; clients store the published keys for an hour")
    ] = keys.BEGINS_AFTER.total_seconds() / 3600,
    overlap_hours: Annotated[
        float, typer.Option(min=0, help="Hours after that, for which the older keys are still published")
    ] = keys.OVERLAP.total_seconds() / 3600,
    data_dir: DataDir = None,
) -> None:
    """Add a key that signs later, when clients have read it; the older keys end by themselves.

    With 0 for both, as for a key that leaked, tokens signed before are no longer valid. The worker rotates each key
    after 90 days.

    Example: fanfare openid-key rotate --account 1
    """
    begin, overlap = timedelta(hours=begin_hours), timedelta(hours=overlap_hours)

    async def change(db: Db) -> list[PublishedKey]:
        return await keys.rotate(db, account_id, system_clock(), begins_after=begin, overlap=overlap)

    _show(in_database(_settings(data_dir), "fanfare openid-key rotate", change))


def _settings(data_dir: DataDir) -> Settings:
    settings = from_environment().replace(data_dir=data_dir)
    secret_keys.use(settings)
    return settings


def _show(published: list[PublishedKey]) -> None:
    for each in published:
        end = f"ends {each.ends_at:%Y-%m-%d %H:%M}" if each.ends_at else "has no end"
        typer.echo(f"{each.public_key['kid']}  begins {each.begins_at:%Y-%m-%d %H:%M}, {end}")
