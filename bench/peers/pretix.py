"""pretix, a ticket shop: orders of a hundred tickets, and check-ins."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from bench.peers import calls
from bench.peers.calls import BATCH, Call, Sample
from bench.peers.load import Client
from bench.peers.peer import Peer
from bench.peers.process import free_port, run, serving
from bench.peers.sample import Place

PACKAGES = ("pretix==2026.8.0", "gunicorn==27.0.1")
SETUP = Path(__file__).with_name("pretix_setup.py")
ORGANIZER, EVENTS, THREADS = "bench", 8, 4
# The ids of the first item and of the first event's list of check-ins: a new database counts from 1.
ITEM, GATE = 1, 1
CONFIGURATION = """
[pretix]
instance_name=bench
url=http://127.0.0.1
datadir={folder}
[database]
backend=postgresql
name={database}
user={user}
host={host}
port=5432
"""


def tickets(number: int, _sample: Sample) -> Call:
    """Return the call that makes an order of a hundred tickets: there is none for lines of many orders."""
    event = number % EVENTS
    position: dict[str, object] = {
        "item": ITEM + event,
        "variation": None,
        "price": "84.50",
        "attendee_name_parts": {},
        "answers": [],
    }
    body = {
        "email": "fan@example.org", "status": "p", "locale": "en", "sales_channel": "web", "payment_provider": "manual",
        "fees": [], "positions": [{**position, "positionid": each + 1} for each in range(BATCH)],
    }  # fmt: skip
    return Call("POST", f"/api/v1/organizers/{ORGANIZER}/events/event{event}/orders/", body)


def check_in(number: int, _sample: Sample) -> Call:
    """Return the call that checks a ticket in."""
    body = {"secret": calls.pass_code(number), "lists": [GATE], "questions_supported": False}
    return Call("POST", f"/api/v1/organizers/{ORGANIZER}/checkinrpc/redeem/", body)


@contextmanager
def start(place: Place) -> Iterator[Client]:
    """Install pretix once, lay its tables, make an organizer with tickets, and run one process of gunicorn."""
    python = installed(place)
    folder = place.folder / "pretix"
    folder.mkdir()
    configuration = folder / "pretix.cfg"
    configuration.write_text(
        CONFIGURATION.format(folder=folder, database=place.database, user=place.user, host=place.host)
    )
    environment = {
        "PRETIX_CONFIG_FILE": str(configuration),
        "BENCH_PASSES": str(place.source.sample.passes),
        "BENCH_TICKETS": str(3 * place.source.sample.fans),
    }
    command = [str(python), "-m", "pretix"]
    run([*command, "migrate"], "its tables could not be made", environment=environment, folder=folder)
    script = ["shell", "--no-imports", "-c", f"exec(open({str(SETUP)!r}).read())"]
    made = run([*command, *script], "its tickets could not be made", environment=environment, folder=folder)
    asyncio.run(vacuumed(place.dsn))
    token = json.loads(made.splitlines()[-1])["token"]
    port = free_port()
    server = [str(python), "-m", "gunicorn", "pretix.wsgi", "--workers", "1", "--threads", str(THREADS)]
    server += ["--bind", f"127.0.0.1:{port}", "--timeout", "120"]
    with serving(server, port, folder / "pretix.log", environment=environment, ready="/api/v1/organizers/") as pid:
        yield Client(port, {"Authorization": f"Token {token}"}, pid, place.postgres)


def installed(place: Place) -> Path:
    """Install pretix into an environment of its own, once, and return its Python."""
    folder = place.home / "pretix"
    python = folder / "bin" / "python"
    if not (folder / "bin" / "gunicorn").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        run([sys.executable, "-m", "venv", str(folder)], "no environment can be made", folder=place.home)
        install = [str(python), "-m", "pip", "install", "--quiet", *PACKAGES]
        run(install, "its packages cannot be installed", folder=place.home)
    return python


async def vacuumed(dsn: str) -> None:
    """Collect the statistics of the tables."""
    db = await asyncpg.connect(dsn)
    await db.execute("vacuum (analyze)")
    await db.close()


def versions(place: Place) -> str:
    """Return the versions of the packages."""
    del place
    return ", ".join(each.replace("==", " ") for each in PACKAGES) + f" ({THREADS} threads)"


PEER = Peer(
    "pretix",
    start,
    versions,
    {"tickets": tickets, "check_in": check_in},
    (
        "no fans: buyers are addresses of orders, so the jobs of fans and activities are not measured",
        "its bulk call is one order of a hundred tickets, not a hundred lines of fifty orders",
        "it does more for each: prices, quotas, taxes, plugins, a log of each order",
    ),
)
