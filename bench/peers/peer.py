"""What a peer is."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

from bench.peers.calls import Spellings
from bench.peers.load import Client
from bench.peers.sample import Place


class Peer(NamedTuple):
    """A program that does the same jobs: how it is started on the sample, how it spells them, what it does not do."""

    name: str
    start: Callable[[Place], AbstractContextManager[Client]]
    versions: Callable[[Place], str]
    spellings: Spellings
    lacks: tuple[str, ...]
