"""What the server of an account is and does: versions, size, index, jobs."""

from importlib.metadata import version

import msgspec

from fanfare.kernel.data.db import Db

STATE = """
    select a.country_code, a.created_at,
           current_setting('server_version') as database_version,
           (select max(m.version) from schema_migrations m) as migration,
           pg_database_size(current_database()) as database_bytes,
           exists (select from audience_indexes i where i.account_id = $1) as has_index,
           (select count(*) from imports i
            where i.account_id = $1 and i.import_state in ('checking', 'importing', 'undoing')) as import_count,
           (select count(*) from exports e where e.account_id = $1 and e.export_state = 'running') as export_count,
           (select count(*) from webhooks w
            where w.account_id = $1 and w.is_enabled and w.first_failure_at is not null) as failing_webhook_count,
           (select count(*) from faults f where f.account_id = $1) as fault_count
    from accounts a where a.account_id = $1
"""


class ServerState(msgspec.Struct, frozen=True):
    """Versions, the size of the database in bytes, and what runs or fails for the account."""

    version: str
    database_version: str
    migration: str
    database_bytes: int
    has_index: bool
    import_count: int
    export_count: int
    failing_webhook_count: int
    fault_count: int


async def server_state(db: Db, account_id: int) -> ServerState:
    """Return the state of the server as the account sees it."""
    row = await db.row(STATE, account_id)
    assert row is not None  # noqa: S101 - the account of a member
    names = [name for name in ServerState.__struct_fields__ if name != "version"]
    return ServerState(version("fanfare"), **{name: row[name] for name in names})
