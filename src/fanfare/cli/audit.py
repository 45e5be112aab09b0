"""`audit`: the audit log of accounts."""

from typing import Annotated

import msgspec
import typer

from fanfare.accounts.queries import account_by_id, account_ids
from fanfare.cli.database import in_database
from fanfare.cli.options import AsJson, DataDir
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running.settings import from_environment
from fanfare.staff.queries.audit import verification
from fanfare.staff.schemas.audit import AuditVerification

audit = typer.Typer(help="Verify the audit log.", no_args_is_help=True)


@audit.callback()
def audit_log() -> None:
    """Verify the audit log."""


@audit.command("verify")
def verify(
    account_id: Annotated[int | None, typer.Option("--account", help="Only this account. Default: all of them")] = None,
    data_dir: DataDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Compute the hashes of the audit log again: exit status 1 if an entry is not as it was written.

    Note the printed hashes elsewhere: they prove later that no entry up to then was changed since.

    Example: fanfare audit verify --account 1
    """

    async def read(db: Db) -> list[AuditVerification]:
        if account_id is not None:
            await account_by_id(db, account_id)
        numbers = [account_id] if account_id is not None else await account_ids(db)
        return [await verification(db, each) for each in numbers]

    results = in_database(from_environment().replace(data_dir=data_dir), "fanfare audit verify", read)
    if as_json:
        typer.echo(msgspec.json.encode(results).decode())
    else:
        for each in results:
            state = "valid" if each.is_valid else f"wrong from entry {each.first_wrong_entry_number}"
            typer.echo(f"{each.account_id}  {each.entry_count} entries  {state}  {each.last_entry_hash}")
    if wrong := [str(each.account_id) for each in results if not each.is_valid]:
        message = f"the audit log was altered: account {', '.join(wrong)}"
        raise CannotRun(message)
