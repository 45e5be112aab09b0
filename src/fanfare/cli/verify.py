"""`verify`: kept totals against the rows that they come from."""

from typing import Annotated

import msgspec
import typer

from fanfare.accounts import queries
from fanfare.cli.database import in_database
from fanfare.cli.options import AsJson, DataDir
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.migrate import check_schema
from fanfare.kernel.data.totals import Difference, Total, differences
from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running.settings import from_environment


def verify(
    account_id: Annotated[
        int | None, typer.Option("--account", help="Id of the account. Default: all accounts", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Compare the totals that are kept (points, members, clicks, …) with their rows. The server can keep running.

    Changes nothing. Prints the totals that differ, at most 100 of each kind and account, and exits with 1 if there are
    any. Run it after a restore.

    Example: fanfare verify --account 1
    """
    # Every domain has totals.
    from fanfare.app import totals  # noqa: PLC0415 - slow, and other commands need none of it

    kinds = totals()
    settings = from_environment().replace(data_dir=data_dir)
    ids, rows = in_database(
        settings, "fanfare verify", lambda db: _compare(db, account_id, kinds), prepare=check_schema
    )
    if as_json:
        typer.echo(msgspec.json.encode({"account_ids": ids, "differences": rows}).decode())
    else:
        for row in rows:
            typer.echo(f"account {row.account_id}  {row.total}  {row.key}  is {row.figure}, rows say {row.count}")
    if rows:
        message = f"totals that differ from their rows: {len(rows):,}"
        raise CannotRun(message)
    if not as_json:
        typer.echo(f"all totals agree with their rows; kinds: {len(kinds)}, accounts: {len(ids):,}")


async def _compare(db: Db, account_id: int | None, kinds: list[Total]) -> tuple[list[int], list[Difference]]:
    ids = [each.account_id for each in await queries.accounts(db)]
    if account_id is not None and account_id not in ids:
        message = f"account {account_id} does not exist"
        raise CannotRun(message)
    ids = ids if account_id is None else [account_id]
    return ids, [row for each in ids async for row in differences(db, each, kinds)]
