"""Fanfare as one of the peers."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from bench.data import email_of
from bench.peers import calls
from bench.peers.calls import PAGE, Call, Sample
from bench.peers.load import Client
from bench.peers.peer import Peer
from bench.peers.process import free_port, serving
from bench.peers.sample import Place
from bench.rates import index_beside
from fanfare.audience.need import ENOUGH_FANS


def activity(number: int, sample: Sample) -> Call:
    """Return the call that records an activity of a fan by email address."""
    body = {
        "email": email_of(calls.fan_of(number, sample)), "first_name": "Ada", "last_name": "Berg",
        "campaign_title": "campaign 7", "field_answer": "yes",
    }  # fmt: skip
    return Call("POST", "/api/v1/crm/activities", body)


def fan(number: int, sample: Sample) -> Call:
    """Return the call that reads a fan."""
    return Call("GET", f"/api/v1/crm/fans/{calls.fan_of(number, sample)}")


def page(number: int, sample: Sample) -> Call:
    """Return the call that reads a page of activities."""
    first = calls.first_activity(number, sample)
    return Call("GET", f"/api/v1/crm/activities?min_activity_id={first}&limit={PAGE}")


def search(number: int, _sample: Sample) -> Call:
    """Return the call that searches by three criteria."""
    query = calls.query_of(number)
    criteria = f"fan_provinces={','.join(query.provinces)}&fan_is_subscribed=1&fan_tags={query.tag_name}"
    return Call("GET", f"/api/v1/crm/fans?{criteria.replace(' ', '%20')}&limit={PAGE}")


def ticket(line: calls.Line) -> dict[str, object]:
    """Return a line of tickets as a box office sends it."""
    return {
        "first_name": line.first_name, "last_name": line.last_name,
        "email": email_of(line.fan) if line.fan else f"new{line.order}@example.org",
        "purchase_timestamp": line.purchase_timestamp, "paid_amount": "84.50", "num_seats": 2,
        "event_date": line.event_date, "event_name": f"event {line.event}", "event_key": f"key {line.event}",
        "network": "boxoffice", "ticket_key": f"bench {line.number}", "order_key": f"bench {line.order}",
        "price_code": line.price_code, "venue_name": f"venue {line.event % 40}",
    }  # fmt: skip


def tickets(number: int, sample: Sample) -> Call:
    """Return the call that stores a hundred lines of tickets."""
    return Call("POST", "/api/v1/crm/tickets/bulk", [ticket(each) for each in calls.lines(number, sample)])


def check_in(number: int, _sample: Sample) -> Call:
    """Return the call that checks a pass in."""
    body = {"pass_code": calls.pass_code(number), "gate_name": "Gate A"}
    return Call("POST", f"/api/v1/campaigns/{calls.PASS_CAMPAIGN}/passes/check_in", body)


def has_index(place: Place) -> bool:
    """Return whether `fanfare up` would start an index process on the sample."""
    return place.source.sample.fans >= ENOUGH_FANS


@contextmanager
def start(place: Place) -> Iterator[Client]:
    """Run one server process on the sample, whose database is Fanfare's own.

    Beside it runs an index process where `fanfare up` starts one by itself; its CPU time is added to the server's.
    """
    port = free_port()
    command = [sys.executable, "-m", "fanfare.cli", "serve", "--workers", "1", "--port", str(port)]
    environment = {"DATABASE_URL": place.source.dsn, "FANFARE_POOL_SIZE": "16"}
    headers = {"Api-Key": place.source.api_key, "Api-Secret": place.source.api_secret}
    log_path = place.folder / "fanfare.log"
    with (
        index_beside(place.source.dsn, str(place.folder), is_wanted=has_index(place)) as index_pids,
        serving(command, port, log_path, environment=environment, ready="/readyz") as pid,
    ):
        yield Client(port, headers, pid, place.postgres, index_pids)


def versions(place: Place) -> str:
    """Return Fanfare's version and commit, and what runs beside the server."""
    git = [shutil.which("git") or "git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False)
    index = (
        f", with the index process that `fanfare up` starts from {ENOUGH_FANS:,} fans on" if has_index(place) else ""
    )
    return f"Fanfare {version('fanfare')} {commit.stdout.strip()}{index}"


PEER = Peer(
    "Fanfare",
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
    (),
)
