"""Work for later: declared in a domain's `jobs.py`, put in the queue by its writers, done by the worker.

The queue is pgqueuer's, in the schema `jobs` of the same database, so that a job is queued by the transaction that
wants it or not at all. A job of a worker that died is given to another after the heartbeat timeout, so a job may run
twice and must bear it.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints, overload

import msgspec

from fanfare.kernel.data.db import Connection, Db

if TYPE_CHECKING:
    # Sixteen megabytes that the server processes do without.
    from pgqueuer.domain.settings import DBSettings

F = TypeVar("F", bound=Callable[..., Awaitable[None]])
G = TypeVar("G", bound=Callable[..., Awaitable[bool]])
# What returns the ids of accounts, given the database and, if it takes it, the moment.
Accounts = Callable[..., Awaitable[list[int]]]

SCHEMA = "jobs"
CHANNEL = "fanfare_jobs"
MARK = "__fanfare_job__"
TRIES = 8

# The queue's own statement imports the whole of it; this one does what that one does, without its statistics. Each job
# of an account goes behind those that it has waiting, so that the first of another does not wait for all of them.
ENQUEUE = """
    insert into jobs.pgqueuer (priority, entrypoint, payload, execute_after, dedupe_key, status, headers)
    select -count(*), $1, $2, now() + $3::interval, $4, 'queued', jsonb_build_object('account_id', $5::bigint)
    from (
        select from jobs.pgqueuer q
        where q.status = 'queued' and q.entrypoint = $1 and (q.headers ->> 'account_id')::bigint = $5
        limit 1000) waiting
    on conflict (dedupe_key)
        where status = any (array['queued'::jobs.pgqueuer_status, 'picked'::jobs.pgqueuer_status])
          and dedupe_key is not null
        do nothing
    returning id
"""


class Job(msgspec.Struct, frozen=True):
    """A function of a `jobs.py`, and when it runs: when queued, as the clock says (`crontab`, GMT), or always."""

    name: str
    run: Callable[..., Awaitable[Any]]
    crontab: str | None = None
    # how often it is tried before it is set aside as failed
    tries: int = TRIES
    # how many of it run at once over all workers; 0 for any number
    at_once: int = 0
    is_endless: bool = False
    # for which accounts it is done, each by itself
    each: Accounts | None = None

    async def accounts(self, db: Db, now: datetime) -> list[int]:
        """Return the ids of the accounts for which it is to be done now."""
        assert self.each is not None  # noqa: S101 - asked of those alone that have it
        account_ids: list[int] = await self.each(**_arguments(self.each, db, now, None))
        return account_ids

    async def work(self, db: Db, now: datetime, payload: bytes | None) -> Any:  # noqa: ANN401 - the function's own
        """Call the function with what its parameters ask for by type: the database, the moment, the payload."""
        return await self.run(**_arguments(self.run, db, now, payload))

    async def work_for(self, db: Db, now: datetime, account_id: int) -> Any:  # noqa: ANN401 - the function's own
        """Call the function for one account, whose id is its payload, on the account's part of the database."""
        return await self.work(db.for_account(account_id), now, msgspec.json.encode(account_id))


def job(*, tries: int = TRIES, at_once: int = 0) -> Callable[[F], F]:
    """Declare a job that runs when queued. Its payload is the parameter that is neither `Db` nor `datetime`.

    One that raises is tried again after 1, 2, 4, … seconds (5 minutes at most); after `tries` it is kept as failed.
    """

    def mark(run: F) -> F:
        setattr(run, MARK, Job(_name(run), run, None, tries, at_once))
        return run

    return mark


def schedule(crontab: str, *, each: Accounts | None = None) -> Callable[[F], F]:
    """Declare a job that runs as a crontab says, in GMT, with seconds last if any; once over all workers.

    With `each` it is called once for each of these accounts, with the id as its payload; the failure of one is no
    other's.
    """

    def mark(run: F) -> F:
        setattr(run, MARK, Job(_name(run), run, crontab, each=each))
        return run

    return mark


@overload
def always(run: G) -> G: ...
@overload
def always(*, each: Accounts) -> Callable[[G], G]: ...
def always(run: G | None = None, *, each: Accounts | None = None) -> G | Callable[[G], G]:
    """Declare work that every worker does as long as it lives: called again and again, after a pause when it is False.

    It must bear being done by several workers at once, and keep its place in the database. With `each` it goes on for
    each of these accounts by itself: one that takes long or fails holds up no other.
    """

    def mark(run: G) -> G:
        setattr(run, MARK, Job(_name(run), run, is_endless=True, each=each))
        return run

    return mark if run is None else mark(run)


def jobs_of(modules: Iterable[ModuleType]) -> list[Job]:
    """Return the jobs that the modules declare."""
    jobs: dict[str, Job] = {}
    for module in modules:
        for _, function in inspect.getmembers(module, inspect.isfunction):
            declared = getattr(function, MARK, None)
            if declared is not None and function.__module__ == module.__name__:
                jobs[declared.name] = declared
    return list(jobs.values())


async def enqueue(
    db: Db, params: Callable[..., Awaitable[None]] | str, payload: object = None, *, key: str = "", delay: float = 0
) -> int | None:
    """Queue a job of the account of `db`, in the caller's transaction when it is one, to run `after` so many seconds.

    `wanted` is the function or its name. With `once`, nothing is queued and None returned while a job of the same
    key waits or runs. The payload must hold ids, not what belongs to a person: it outlives the transaction.
    """
    name = params if isinstance(params, str) else _name(params)
    job_id: int | None = await db.value(
        ENQUEUE,
        name,
        msgspec.json.encode(payload),
        timedelta(seconds=delay),
        f"{name}:{key}" if key else None,
        db.account_id,
    )
    return job_id


def queue_settings() -> "DBSettings":
    """Return the names of the queue's tables."""
    from pgqueuer.domain.settings import DBSettings  # noqa: PLC0415 - as above
    from pgqueuer.domain.types import Channel  # noqa: PLC0415 - as above

    return DBSettings(db_schema=SCHEMA, channel=Channel(CHANNEL))


async def install(connection: Connection) -> None:
    """Make the queue's tables or bring them to the installed pgqueuer. The caller keeps other starters out.

    The version is noted at the schema: looking it up spares every start the import, a third of a second.
    """
    queue_version = f"pgqueuer {version('pgqueuer')}"
    if (
        await connection.fetchval("select obj_description(to_regnamespace($1), 'pg_namespace')", SCHEMA)
        == queue_version
    ):
        return
    from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver  # noqa: PLC0415 - as above
    from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment  # noqa: PLC0415 - as above
    from pgqueuer.adapters.persistence.queries import Queries  # noqa: PLC0415 - as above

    queries = Queries(AsyncpgDriver(connection), qbe=QueryBuilderEnvironment(settings=queue_settings()))
    if await queries.schema_is_installed():
        await queries.apply_upgrade()
    else:
        await queries.install()
    await connection.execute(f"comment on schema {SCHEMA} is '{queue_version}'")


def _name(run: Callable[..., Awaitable[Any]]) -> str:
    return f"{run.__module__.removeprefix('fanfare.').removesuffix('.jobs')}.{run.__name__}"


def _parameters(run: Callable[..., Awaitable[Any]]) -> dict[str, Any]:
    hints = get_type_hints(run)
    return {name: hints[name] for name in inspect.signature(run).parameters}


def _arguments(run: Callable[..., Awaitable[Any]], db: Db, now: datetime, payload: bytes | None) -> dict[str, Any]:
    """Return what a function's parameters ask for by type."""
    arguments: dict[str, Any] = {}
    for parameter, kind in _parameters(run).items():
        if kind is Db:
            arguments[parameter] = db
        elif kind is datetime:
            arguments[parameter] = now
        else:
            arguments[parameter] = msgspec.json.decode(payload or b"null", type=kind)
    return arguments
