"""bench.peers in short: Fanfare and the twin do each job with the same answers, and the table is written."""

import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bench.cpu import Cost
from bench.peers import directus, fanfare, fastapi_twin, pretix, sample
from bench.peers.calls import JOBS, Sample
from bench.peers.load import Client, RefusedCall, ask, calls_file, require, send
from bench.peers.peer import Peer
from bench.peers.process import NotThere
from bench.peers.race import Options, Racer, measure
from bench.peers.sample import Place, Source
from bench.peers.table import END, START, Figure, Outcome, write

FANS, PASSES = 400, 300
# What each program chooses for itself: ids of new rows, the moment, and how a page goes on.
CHANGING = {"meta", "activity_id", "ticket_id", "check_in_timestamp", "section_uid", "claim_fan_id", "error", "errors"}
NewDatabase = Callable[[], Awaitable[str]]


def answer_of(coroutine: Any) -> Any:
    """Run a coroutine beside the loop of the tests."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


@pytest.fixture(scope="module")
def source(database_url: str) -> Source:
    result: Source = answer_of(sample.made(database_url, FANS, PASSES))
    return result


@pytest.fixture(scope="module")
async def place(source: Source, empty_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("peers")
    return Place(source, await empty_database(), folder, folder, os.getpid())


@pytest.fixture(scope="module")
def ours(place: Place) -> Iterator[Client]:
    with fanfare.PEER.start(place) as client:
        yield client


@pytest.fixture(scope="module")
def twin(place: Place) -> Iterator[Client]:
    if not fastapi_twin.PYTHON.exists():
        pytest.skip("the twin's packages are not installed: make setup-peers")
    with fastapi_twin.PEER.start(place) as client:
        yield client


def answered(peer: Peer, client: Client, job: str, number: int) -> Any:
    status, body = ask(client, peer.spellings[job](number, Sample(FANS, 5 * FANS, PASSES)))
    assert status == 200, body
    return json.loads(body)


def shared(one: Any, other: Any) -> tuple[Any, Any]:
    """Return two answers without what only one of them has, or what differs by nature."""
    if isinstance(one, list):
        pairs = [shared(*pair) for pair in zip(one, other, strict=True)]
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    if isinstance(one, dict):
        names = (one.keys() & other.keys()) - CHANGING
        parts = {name: shared(one[name], other[name]) for name in sorted(names)}
        return {name: pair[0] for name, pair in parts.items()}, {name: pair[1] for name, pair in parts.items()}
    return one, other


@pytest.mark.parametrize("job", JOBS)
def test_fanfare_does_each_job(ours: Client, job: str) -> None:
    assert answered(fanfare.PEER, ours, job, 0)


# Fewer fields than these would be no comparison.
FIELD_COUNTS = {"activity": 1, "fan": 23, "page": 15, "search": 23, "tickets": 4, "check_in": 3}


@pytest.mark.parametrize("job", JOBS)
def test_the_twin_answers_as_fanfare_does(ours: Client, twin: Client, job: str) -> None:
    one, other = shared(answered(fanfare.PEER, ours, job, 1), answered(fastapi_twin.PEER, twin, job, 1))
    rows = one.get("data", [one]) if isinstance(one, dict) else one
    assert len(rows[0]) >= FIELD_COUNTS[job]
    if job == "tickets":
        # Buyers who are new have ids of their own in each.
        assert [row.pop("fan_id") > 0 for row in (*one, *other)] == [True] * 200
    assert one == other


def test_a_refused_call_names_its_answer(ours: Client, place: Place) -> None:
    call = fanfare.PEER.spellings["check_in"](2, place.source.sample)
    require(ours, call)
    with pytest.raises(RefusedCall, match=r"409 .*used"):
        require(ours, call)


def test_a_round_is_measured_by_wrk(ours: Client, place: Place, tmp_path: Path) -> None:
    if not shutil.which("wrk"):
        pytest.skip("wrk is not installed")
    racer = Racer(fanfare.PEER, ours, place.source, tmp_path)
    figures = measure([racer], "fan", Options(1, 3, ["fan"], patience=0))
    assert figures["Fanfare"].rate > 0
    path = calls_file(tmp_path, fanfare.PEER.spellings["check_in"], place.source.sample, PASSES, 10)
    with pytest.raises(RefusedCall, match="Non-2xx"):
        send(ours, tmp_path, path, 1)


def test_who_is_not_installed_is_named(place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for module in (directus, fastapi_twin):
        monkeypatch.setattr(module, "NODE" if module is directus else "PYTHON", tmp_path / "none")
        with pytest.raises(NotThere, match="make setup-peers"), module.PEER.start(place):
            pass


def test_the_table_replaces_the_last_one(source: Source, tmp_path: Path) -> None:
    path = tmp_path / "figures.md"
    path.write_text(f"# Figures\n\n{START}\nold\n{END}\n\n## More\n")
    figures = {"fan": {"Fanfare": Figure(5000, Cost(100, 50, 0.5)), "Directus": Figure(400, Cost(900, 300, 1.2))}}
    outcome = Outcome(figures, {"Fanfare": "Fanfare 1"}, {"pretix": "its packages\ncannot be installed"})
    write(path, outcome, [fanfare.PEER, directus.PEER, pretix.PEER], source, ["--rounds", "1", "--figures", str(path)])
    text = path.read_text()
    assert "old" not in text
    assert text.startswith("# Figures\n")
    assert text.endswith(f"{END}\n\n## More\n")
    assert "    python -m bench.peers --rounds 1\n" in text
    assert "| fan by id | Directus | 400 | 900 | 300 | 8.0 | 1.2 |" in text
    assert "- pretix was not measured: its packages cannot be installed" in text
