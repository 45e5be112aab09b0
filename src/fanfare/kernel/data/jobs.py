"""Background jobs: declared in a domain's `jobs.py`, enqueued by writers, run by workers.

The queue is pgqueuer's, in the schema `jobs` of the same database, so a job is enqueued by the transaction that needs
it, or not at all. If a worker dies, its jobs go to another one after the heartbeat timeout, so a job may run twice and
must be idempotent.
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
    # It takes 16 MB, which server processes save.
    from pgqueuer.domain.settings import DBSettings

F = TypeVar("F", bound=Callable[..., Awaitable[None]])
G = TypeVar("G", bound=Callable[..., Awaitable[bool]])
# Returns account ids; its parameters may be the database and the time.
Accounts = Callable[..., Awaitable[list[int]]]

SCHEMA = "jobs"
CHANNEL = "fanfare_jobs"
JOB_ATTRIBUTE = "__fanfare_job__"
MAX_ATTEMPTS = 8

# pgqueuer's own statement would import all of pgqueuer; this one is equivalent but keeps no statistics. A job's
# priority falls with the number of queued jobs of its account, so that another account's first job does not wait for
# all of them.
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
    """A function of a `jobs.py` and when it runs: when enqueued, on a schedule (`crontab`, GMT), or continuously."""

    name: str
    run: Callable[..., Awaitable[Any]]
    crontab: str | None = None
    # the number of attempts before it counts as failed
    max_attempts: int = MAX_ATTEMPTS
    # how many may run at the same time over all workers; 0 for any number
    concurrency: int = 0
    is_endless: bool = False
    # the accounts to run it for, each separately
    each: Accounts | None = None

    async def accounts(self, db: Db, now: datetime) -> list[int]:
        """Return the ids of the accounts to run it for now."""
        assert self.each is not None  # noqa: S101 - called only if it is set
        account_ids: list[int] = await self.each(**_arguments(self.each, db, now, None))
        return account_ids

    async def work(self, db: Db, now: datetime, payload: bytes | None) -> Any:  # noqa: ANN401 - depends on the function
        """Call the function with the arguments its parameters ask for by type: the database, the time, the payload."""
        return await self.run(**_arguments(self.run, db, now, payload))

    async def work_for(self, db: Db, now: datetime, account_id: int) -> Any:  # noqa: ANN401 - depends on the function
        """Call the function for one account; the payload is its id, and database use counts against the account."""
        return await self.work(db.for_account(account_id), now, msgspec.json.encode(account_id))


def job(*, max_attempts: int = MAX_ATTEMPTS, concurrency: int = 0) -> Callable[[F], F]:
    """Declare a job that runs when enqueued. Its payload is the parameter that is neither `Db` nor `datetime`.

    If it raises, it is retried after 1, 2, 4, … seconds (at most 5 minutes), then kept as failed.
    """

    def decorate(run: F) -> F:
        setattr(run, JOB_ATTRIBUTE, Job(_name(run), run, None, max_attempts, concurrency))
        return run

    return decorate


def schedule(crontab: str, *, each: Accounts | None = None) -> Callable[[F], F]:
    """Declare a job that runs on a crontab schedule in GMT (an optional sixth field is seconds), once over all workers.

    With `each` it runs separately for each of these accounts, with the id as payload; a failure affects no other
    account.
    """

    def decorate(run: F) -> F:
        setattr(run, JOB_ATTRIBUTE, Job(_name(run), run, crontab, each=each))
        return run

    return decorate


@overload
def always(run: G) -> G: ...
@overload
def always(*, each: Accounts) -> Callable[[G], G]: ...
def always(run: G | None = None, *, each: Accounts | None = None) -> G | Callable[[G], G]:
    """Declare work that workers repeat while they run; a call that returns False is followed by a pause.

    Several workers may run it at the same time; its state must be in the database. With `each` it is repeated
    separately for each of these accounts: one that is slow or fails does not delay the others.
    """

    def decorate(run: G) -> G:
        setattr(run, JOB_ATTRIBUTE, Job(_name(run), run, is_endless=True, each=each))
        return run

    return decorate if run is None else decorate(run)


def jobs_of(modules: Iterable[ModuleType]) -> list[Job]:
    """Return the jobs that the modules declare."""
    jobs: dict[str, Job] = {}
    for module in modules:
        for _, function in inspect.getmembers(module, inspect.isfunction):
            declared = getattr(function, JOB_ATTRIBUTE, None)
            if declared is not None and function.__module__ == module.__name__:
                jobs[declared.name] = declared
    return list(jobs.values())


async def enqueue(
    db: Db,
    target: Callable[..., Awaitable[None]] | str,
    payload: object = None,
    *,
    key: str = "",
    delay: float = 0,
) -> int | None:
    """Enqueue a job for the account of `db`, in the current transaction if there is one; it runs after `delay` seconds.

    `target` is the function or its name. With `key`, nothing is enqueued and None is returned while a job with the same
    key is queued or running. The payload must contain ids, not personal data: it outlives the transaction.
    """
    name = target if isinstance(target, str) else _name(target)
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
    """Create the queue's tables or migrate them to the installed pgqueuer. The caller must hold the migration lock.

    The version is stored as the schema's comment: comparing it saves the import on every start, a third of a second.
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
    """Return the arguments that a function's parameters ask for by type."""
    arguments: dict[str, Any] = {}
    for parameter, kind in _parameters(run).items():
        if kind is Db:
            arguments[parameter] = db
        elif kind is datetime:
            arguments[parameter] = now
        else:
            arguments[parameter] = msgspec.json.decode(payload or b"null", type=kind)
    return arguments
