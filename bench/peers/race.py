"""The peers that can be started here do the jobs in turn."""

import asyncio
import statistics
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from bench.cpu import Cost, median, postgres_pid
from bench.peers import sample
from bench.peers.calls import JOBS
from bench.peers.load import CONNECTIONS, Client, RefusedCall, Run, calls_file, require, send
from bench.peers.peer import Peer
from bench.peers.process import NotThere
from bench.peers.sample import Place, Source
from bench.peers.table import Figure, Outcome

HOME = Path(".data/peers")
WARM_UP_SECONDS = 2
# Calls of a file that is read again from its start.
ROUND_OF_CALLS = 4000


class Options(NamedTuple):
    """How long and what is measured."""

    rounds: int
    seconds: int
    jobs: list[str]


class Racer:
    """A peer that runs, with the number of its next call in each job."""

    def __init__(self, peer: Peer, client: Client, source: Source, folder: Path) -> None:
        """Take a peer that is ready."""
        self.peer, self.client, self.source, self.folder = peer, client, source, folder
        self.next = dict.fromkeys(JOBS, 0)
        self.rates: dict[str, float] = {}

    def run(self, job: str, seconds: int) -> Run:
        """Do a job for some seconds."""
        first = self.next[job]
        count = ROUND_OF_CALLS
        if JOBS[job].is_once:
            # Twice what it did before, so that no call comes twice.
            count = int(2 * seconds * self.rates.get(job, JOBS[job].most_calls / 2)) + 4 * CONNECTIONS
        path = calls_file(self.folder, self.peer.spellings[job], self.source.sample, first, count)
        if first == 0:
            require(self.client, self.peer.spellings[job](first, self.source.sample))
            path = calls_file(self.folder, self.peer.spellings[job], self.source.sample, 1, count)
        result = send(self.client, self.folder, path, seconds)
        self.next[job] = first + result.calls + 2 * CONNECTIONS if JOBS[job].is_once else first + count
        self.rates[job] = result.rate
        return result


def measure(racers: list[Racer], job: str, options: Options) -> dict[str, Figure]:
    """Return each peer's median of a job; a peer whose calls are refused falls out, and is named."""
    able = [each for each in racers if job in each.peer.spellings]
    runs: dict[str, list[Run]] = {each.peer.name: [] for each in able}
    for number in range(-1, options.rounds):
        for each in able:
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
            print(job, *(f"{name} {each}" for name, each in outcome.figures[job].items()), sep="\n  ", flush=True)
    return outcome
