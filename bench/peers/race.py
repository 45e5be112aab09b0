"""The peers that can be started here do the jobs in turn."""

import asyncio
import math
import statistics
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from bench.cpu import Cost, median, postgres_pid, wait_for_rest
from bench.peers import sample
from bench.peers.calls import JOBS
from bench.peers.load import CONNECTIONS, Client, RefusedCall, Run, calls_file, require, send
from bench.peers.peer import Peer
from bench.peers.process import NotThere
from bench.peers.sample import Place, Source
from bench.peers.table import Figure, Outcome

HOME = Path(".data/peers")
WARM_UP_SECONDS = 2
# A run of a peer whose calls take long.
MOST_SECONDS = 30
# Calls of a file that is read again from its start.
ROUND_OF_CALLS = 4000


class Options(NamedTuple):
    """How long and what is measured."""

    rounds: int
    seconds: int
    jobs: list[str]
    # seconds to wait for the end of what the run before began
    patience: int = 60


class Racer:
    """A peer that runs, with the number of its next call in each job."""

    def __init__(self, peer: Peer, client: Client, source: Source, folder: Path) -> None:
        """Take a peer that is ready."""
        self.peer, self.client, self.source, self.folder = peer, client, source, folder
        self.next = dict.fromkeys(JOBS, 0)
        self.rates: dict[str, float] = {}
        self.least_seconds: dict[str, int] = {}

    def run(self, job: str, seconds: int) -> Run:
        """Do a job for some seconds, or for as long as three calls of each connection take."""
        first = self.next[job]
        spelling, sample = self.peer.spellings[job], self.source.sample
        if job not in self.least_seconds:
            self.next[job] = first = first + 1
            took = require(self.client, spelling(first - 1, sample))
            self.least_seconds[job] = min(MOST_SECONDS, math.ceil(3 * CONNECTIONS * took))
            self.rates[job] = CONNECTIONS / took
        seconds = max(seconds, self.least_seconds[job])
        count = self.count(job, seconds)
        # A call that got no answer may have been done: if the run fails, none of them is sent again.
        self.next[job] = first + count
        path = calls_file(self.folder, spelling, sample, first, count)
        result = send(self.client, self.folder, path, seconds)
        if JOBS[job].is_once:
            self.next[job] = first + result.calls + 2 * CONNECTIONS
        self.rates[job] = max(self.rates[job], result.rate)
        return result

    def count(self, job: str, seconds: int) -> int:
        """Return how many calls to make ready: more than can be made, where none may come twice."""
        if not JOBS[job].is_once:
            return ROUND_OF_CALLS
        most = JOBS[job].most_calls
        rate = most if JOBS[job].rows == 1 else min(most, 4 * self.rates[job])
        count = int(seconds * rate) + 4 * CONNECTIONS
        return min(count, self.source.sample.passes - self.next[job]) if job == "check_in" else count


def measure(racers: list[Racer], job: str, options: Options) -> dict[str, Figure]:
    """Return each peer's median of a job; a run with a refused call is printed and left out."""
    able = [each for each in racers if job in each.peer.spellings]
    runs: dict[str, list[Run]] = {each.peer.name: [] for each in able}
    for number in range(-1, options.rounds):
        for each in able:
            wait_for_rest(options.patience)
            try:
                result = each.run(job, options.seconds if number >= 0 else WARM_UP_SECONDS)
            except RefusedCall as error:
                print(f"{each.peer.name}, {job}: {error}")
                continue
            if number >= 0:
                runs[each.peer.name].append(result)
    return {name: figure(results, JOBS[job].rows) for name, results in runs.items() if results}


def figure(runs: list[Run], rows: int) -> Figure:
    """Return the medians of some runs, in rows."""
    cost = median([each.cost for each in runs])
    per_row = Cost(cost.server / rows, cost.postgres / rows, cost.others)
    return Figure(statistics.median(each.rate for each in runs) * rows, per_row)


def race(peers: list[Peer], source: Source, folder: Path, options: Options) -> Outcome:
    """Start the peers that can be started here and let them do the jobs in turn."""
    outcome = Outcome({}, {}, {})
    with ExitStack() as stack:
        racers = []
        for number, peer in enumerate(peers):
            dsn = asyncio.run(sample.new_database(source.dsn, f"peer_{number}"))
            place = Place(source, dsn, folder, HOME.resolve(), postgres_pid(folder))
            try:
                client = stack.enter_context(peer.start(place))
            except NotThere as reason:
                outcome.absent[peer.name] = str(reason)
                continue
            outcome.versions[peer.name] = peer.versions(place)
            racers.append(Racer(peer, client, source, folder))
        for job in options.jobs:
            outcome.figures[job] = measure(racers, job, options)
            for each in racers:
                if job in each.peer.spellings and each.peer.name not in outcome.figures[job]:
                    outcome.absent[f"{each.peer.name}, {JOBS[job].title},"] = "no run without a refused or late call"
            print(job, *(f"{name} {each}" for name, each in outcome.figures[job].items()), sep="\n  ", flush=True)
    return outcome
