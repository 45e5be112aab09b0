"""Reads what in an account needs somebody to look: what failed, waits too long, or sinks."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from fanfare.console.schemas.overview import UrgentMatter
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.rows import read_rows

# How long an import or export that ended badly stays in the list, and a job may wait.
RECENT, PATIENCE = timedelta(days=7), timedelta(minutes=15)
MAX_ROWS = 10
Concern = Literal["webhook", "import", "export", "source", "erasure_request", "job"]
# The area in which something is looked at, and the path of its page.
AREAS: dict[Concern, tuple[str, str]] = {
    "webhook": ("settings", "/webhooks"),
    "import": ("transfers", "/imports"),
    "export": ("transfers", "/exports"),
    "source": ("streams", "/streams"),
    "erasure_request": ("fans", "/erasure_requests"),
    "job": ("settings", "/settings/system"),
}

# $2 is the beginning of what is recent, $3 the latest moment from which a job may wait, $4 how many rows of a concern.
CONCERNS = """
    (select 'webhook' as concern, coalesce(description, url) as name, webhook_uid::text as key, failure_count as amount,
            first_failure_at as since, coalesce(disable_reason, 'failing') as detail
     from webhooks where account_id = $1 and (first_failure_at is not null or disable_reason is not null)
     order by first_failure_at limit $4)
    union all
    (select 'import', coalesce(import_name, kind), import_uid::text, error_count, coalesce(finished_at, created_at),
            import_state
     from imports
     where account_id = $1 and (error_count > 0 or failure is not null) and coalesce(finished_at, created_at) >= $2
     order by import_id desc limit $4)
    union all
    (select 'export', coalesce(export_name, table_name), export_uid::text, 0, coalesce(finished_at, created_at),
            coalesce(failure, 'failed')
     from exports where account_id = $1 and export_state = 'failed' and created_at >= $2
     order by export_id desc limit $4)
    union all
    (select 'source', source_name, stream_id::text, fail_count, coalesce(last_success_at, created_at),
            coalesce(last_error, '')
     from stream_sources where account_id = $1 and is_enabled and fail_count > 2 order by source_id limit $4)
    union all
    (select 'erasure_request', fan_id::text, erasure_request_id::text, 1, created_at, request_state
     from erasure_requests where account_id = $1 and request_state = 'waiting' and erase_at is null
     order by due_at limit $4)
    union all
    (select 'job', entrypoint, '', count(*)::int, min(created), max(status::text)
     from jobs.pgqueuer
     where (headers ->> 'account_id')::bigint = $1
       and (status = 'failed' or (status in ('queued', 'picked') and execute_after < $3 and created < $3))
     group by entrypoint order by min(created) limit $4)
"""


class Matter(msgspec.Struct):
    """Something to look at: what it is, its name and key, how many, since when, and a word on it."""

    concern: Concern
    name: str
    key: str
    amount: int
    since: datetime
    detail: str


async def attention(db: Db, account_id: int, now: datetime) -> list[Matter]:
    """Return what needs a look, by concern; at most 10 of each."""
    return read_rows(Matter, await db.rows(CONCERNS, account_id, now - RECENT, now - PATIENCE, MAX_ROWS))


async def urgent_matters(db: Db, account_id: int, now: datetime) -> list[UrgentMatter]:
    """Return what needs a look as calls have it."""
    return [
        UrgentMatter(each.concern, each.name, each.key, each.amount, int(each.since.timestamp()), each.detail)
        for each in await attention(db, account_id, now)
    ]
