"""The twin in FastAPI and SQLAlchemy (bench/peers/twin), in an environment of its own."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from bench.peers import calls, fanfare, sample
from bench.peers.calls import PAGE, Call, Sample
from bench.peers.load import Client
from bench.peers.peer import Peer
from bench.peers.process import NotThere, free_port, run, serving
from bench.peers.sample import Place

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
SEQUENCES = {"fans": "fan_id", "activities": "activity_id", "campaigns": "page_tab_id", "tags": "tag_id"}


def activity(number: int, sample: Sample) -> Call:
    """Return the call that records an activity of a fan by email address."""
    return Call("POST", "/activities", fanfare.activity(number, sample).body)


def fan(number: int, sample: Sample) -> Call:
    """Return the call that reads a fan."""
    return Call("GET", f"/fans/{calls.fan_of(number, sample)}")


def page(number: int, sample: Sample) -> Call:
    """Return the call that reads a page of activities."""
    return Call("GET", f"/activities?min_activity_id={calls.first_activity(number, sample)}&limit={PAGE}")


def search(number: int, _sample: Sample) -> Call:
    """Return the call that searches by three criteria."""
    query = calls.query_of(number)
    provinces = "".join(f"&fan_provinces={each}" for each in query.provinces)
    tag_name = query.tag_name.replace(" ", "%20")
    return Call("GET", f"/fans?limit={PAGE}&fan_is_subscribed=true&fan_tags={tag_name}{provinces}")


def tickets(number: int, sample: Sample) -> Call:
    """Return the call that stores a hundred lines of tickets."""
    return Call("POST", "/tickets/bulk", fanfare.tickets(number, sample).body)


def check_in(number: int, sample: Sample) -> Call:
    """Return the call that checks a pass in."""
    path = f"/campaigns/{calls.PASS_CAMPAIGN}/passes/check_in"
    return Call("POST", path, fanfare.check_in(number, sample).body)


@contextmanager
def start(place: Place) -> Iterator[Client]:
    """Make the tables by a first start, fill them, and run one process of uvicorn."""
    if not PYTHON.exists():
        message = "its packages are not installed: make setup-peers"
        raise NotThere(message)
    port = free_port()
    url = f"postgresql+asyncpg://{place.user}@/{place.database}?host={place.host}"
    environment = {"TWIN_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    make = "import asyncio; from bench.peers.twin.app import lifespan, app; asyncio.run(lifespan(app).__aenter__())"
    run([str(PYTHON), "-c", make], "its tables could not be made", environment=environment, folder=place.folder)
    asyncio.run(fill(place))
    command = [str(PYTHON), "-m", "uvicorn", "bench.peers.twin.app:app", "--port", str(port)]
    command += ["--log-level", "warning", "--no-access-log", "--loop", "uvloop", "--http", "httptools"]
    headers = {"Api-Key": place.source.api_key, "Api-Secret": place.source.api_secret}
    with serving(command, port, place.folder / "twin.log", environment=environment, ready="/openapi.json") as pid:
        yield Client(port, headers, pid, place.postgres)


async def fill(place: Place) -> None:
    """Copy the sample, and make the key of the calls."""
    await sample.copy(place.source, place.dsn)
    db = await asyncpg.connect(place.dsn)
    secret_hash = hashlib.sha256(place.source.api_secret.encode()).digest()
    await db.execute("insert into api_keys (api_key, secret_hash) values ($1, $2)", place.source.api_key, secret_hash)
    for table, column in (*SEQUENCES.items(), ("tickets", "ticket_id"), ("ticket_events", "event_id")):
        await db.execute("select setval(pg_get_serial_sequence($1, $2), 200000000)", table, column)
    await db.close()


def versions(place: Place) -> str:
    """Return the versions of the twin's packages."""
    names = ("fastapi", "sqlalchemy", "asyncpg", "uvicorn", "pydantic")
    code = f"from importlib.metadata import version\nprint(*(f'{{n}} {{version(n)}}' for n in {names!r}), sep=', ')"
    return run([str(PYTHON), "-c", code], "its packages cannot be read", folder=place.folder).strip()


PEER = Peer(
    "FastAPI + SQLAlchemy",
    start,
    versions,
    {
        "activity": activity,
        "fan": fan,
        "page": page,
        "search": search,
        "tickets": tickets,
        "check_in": check_in,
    },
    (
        "one account",
        "no change log, so no feed and no webhooks",
        "a fan is found by email address alone: no other identifiers, no merging, no filling in of what is missing",
        "no consents with their history, no quests, no limits of calls",
        "a search is read again for each page, so it moves",
        "one wrong line refuses the whole batch; a second check-in at the same gate is refused, whoever repeats it",
    ),
)
