"""Addresses of data centres, by the lists that their operators publish: people do not browse from there.

The operator names a file or a folder of files as they are published (JSON, CSV or text): each range in CIDR notation
counts, whatever stands around it; files that begin with a dot are being fetched. Each process reads them once, and
again, in a thread, when a file was replaced.
"""

import hashlib
import ipaddress
import re
import threading
import time
from bisect import bisect_right
from collections.abc import Mapping
from pathlib import Path

import structlog

from fanfare.kernel.addresses import network
from fanfare.kernel.running.settings import BadSettings
from fanfare.kernel.running.threads import run_in_thread

log = structlog.get_logger()
RANGE = re.compile(
    r"(?<![0-9a-fA-F.:])(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-fA-F]{1,4}:[0-9a-fA-F:]*)/[0-9]{1,3}(?![0-9])"
)
MAX_BYTES = 64 * 1024 * 1024
LOOK_SECONDS = 60.0
NO_LISTS = "none"
# The first address, the last, of ranges of one version that do not overlap.
Ranges = tuple[list[int], list[int]]


class DataCentres:
    """The ranges of this process; empty until `use` is called."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._files: tuple[tuple[str, int, int], ...] = ()
        self._ranges: Mapping[int, Ranges] = {}
        self._looked_at = 0.0
        self._lock = threading.Lock()
        self.version = NO_LISTS

    def use(self, path: str) -> None:
        """Read the lists of the settings; raises BadSettings if they cannot be read or have no range."""
        self._path, self._files, self._ranges, self.version = Path(path) if path else None, (), {}, NO_LISTS
        try:
            self._read()
        except OSError as error:
            message = f"FANFARE_DATA_CENTRES cannot be read: {error}"
            raise BadSettings(message) from None
        if path and not self._ranges:
            message = "FANFARE_DATA_CENTRES has no range such as 192.0.2.0/24"
            raise BadSettings(message)

    def has(self, address: str) -> bool:
        """Return whether an address is of a data centre."""
        if self._path is None:
            return False
        parsed = ipaddress.ip_address(address)
        firsts, lasts = self._ranges.get(parsed.version, ([], []))
        place = bisect_right(firsts, int(parsed)) - 1
        return place >= 0 and int(parsed) <= lasts[place]

    def is_due(self) -> bool:
        """Return whether it is time to look for replaced files, and let nobody else look within a minute."""
        if self._path is None or time.monotonic() - self._looked_at < LOOK_SECONDS:
            return False
        self._looked_at = time.monotonic()
        return True

    async def refresh(self) -> None:
        """Read the files again, in a thread, if one was replaced; keep the former ranges if that fails."""
        try:
            await run_in_thread(self._read)
        except OSError:
            log.warning("FANFARE_DATA_CENTRES cannot be read; the former ranges stay")

    def _read(self) -> None:
        with self._lock:
            self._looked_at = time.monotonic()
            if self._path is not None:
                self._read_files(self._path)

    def _read_files(self, place: Path) -> None:
        paths = sorted(place.glob("[!.]*")) if place.is_dir() else [place]
        files = tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths if path.is_file())
        if files == self._files:
            return
        texts = [Path(name).read_text("utf-8", "replace")[:MAX_BYTES] for name, _, _ in files]
        spellings = sorted({match[0] for text in texts for match in RANGE.finditer(text)})
        self._ranges = _merged(spellings)
        self.version = hashlib.sha256("\n".join(spellings).encode()).hexdigest()[:8]
        self._files = files


def _merged(spellings: list[str]) -> dict[int, Ranges]:
    """Return the ranges by version of IP, in order and without overlaps; what is no range is skipped."""
    by_version: dict[int, list[ipaddress.IPv4Network | ipaddress.IPv6Network]] = {}
    for text in spellings:
        try:
            range_ = network(text)
        except ValueError:
            continue
        by_version.setdefault(range_.version, []).append(range_)
    result: dict[int, Ranges] = {}
    for version, ranges in by_version.items():
        distinct = list(ipaddress.collapse_addresses(ranges))  # type: ignore[type-var]
        result[version] = (
            [int(each.network_address) for each in distinct],
            [int(each.broadcast_address) for each in distinct],
        )
    return result


# The instance of this process; `use` is called when the application is built.
data_centres = DataCentres()
