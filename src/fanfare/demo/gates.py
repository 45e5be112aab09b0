"""Festival gates: registered wristbands, passes of the pre-sale, and scans on festival days."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from fanfare.demo.book import Book, Fan
from fanfare.demo.people import DemoPerson
from fanfare.demo.programme import DemoCampaign
from fanfare.demo.story import Entered, TimedEvent
from fanfare.fans.contact import normalized_mail_key
from fanfare.kernel.data.db import Db
from fanfare.performances.actions.codes import LETTERS
from fanfare.registrations.actions.passes import CODE_LETTERS, create_section
from fanfare.registrations.schemas.passes import NewSection
from fanfare.registrations.topics import (
    PASS_CANCELLED,
    PASS_CHECKED_IN,
    PASS_CLAIMED,
    PASS_CREATED,
    REGISTRATION_CREATED,
    SCAN_CREATED,
)

TABLES = {
    "registrations": """account_id network registration_key registration_id fan_id registered_at created_at updated_at
        event_name event_date event_key venue_name barcode lookup_id is_minor is_preferred first_name last_name email
        mail_key phone birth_date city province country_code postal_code""",
    "passes": """account_id pass_uid pass_id pass_code page_tab_id section_uid event_key fan_id claim_fan_id
        claimed_at cancelled_at checked_in_at gate_name scan_key created_at updated_at""",
    "scans": """account_id scan_key network source_key scan_group_name scanned_at created_at is_success refusal
        access_mode site_name site_id node_name registration_key barcode event_key event_name event_date venue_name
        pass_code pass_uid""",
}
PASS = TABLES["passes"].split()
NETWORK, VENUE = "tideline", "Tideline Grounds"
DAY, HOUR = 86_400.0, 3600.0
DAYS_A_YEAR, ADULT = 365.2425, 18
# Wristbands are sent out forty days before the festival.
WRISTBAND_LEAD = 40 * DAY
CAMPING, CAMPING_PLACES = 1, 20_000
# Odd, so that different numbers give different products.
SPREAD = 0x9E3779B97F
HABITS = {
    "pass": 0.6,
    "camps": 0.3,
    "claims": 0.88,
    "gives up": 0.05,
    "goes out": 0.55,
    "comes again": 0.5,
    "shares": 0.04,
}

# The counts that the statements for creating and cancelling passes maintain.
COUNT_PASSES = """
    update pass_sections s
    set pass_count = (select count(*) from passes p
                      where p.account_id = $1 and p.section_uid = s.section_uid and p.cancelled_at is null)
    where s.account_id = $1
"""


class Festival(NamedTuple):
    """One year of the festival: the indexes of its pre-sale and gates in the programme, and its dates."""

    presale: int
    gates: int
    sold_from: datetime
    opens_at: datetime
    closes_at: datetime

    @property
    def name(self) -> str:
        """The name on tickets."""
        return f"Tideline {self.opens_at.year}"

    @property
    def key(self) -> str:
        """The key in the ticketing system: that of the weekend, which the box office sells."""
        return f"TL{self.opens_at.year}-W"


class Band(NamedTuple):
    """A wristband: its festival and number."""

    festival: Festival
    number: int

    @property
    def key(self) -> str:
        """The key of its registration."""
        return f"TL{self.festival.opens_at:%y}-{self.number:06}"

    @property
    def barcode(self) -> str:
        """The content of its barcode."""
        return f"{self.festival.opens_at:%y}{self.number * 7919 % 10**8:08}"


class Registered(NamedTuple):
    """A fan registered a wristband."""

    band: Band


class Issued(NamedTuple):
    """A pass was created for a fan of the pre-sale; `year` is the index of the festival."""

    pass_uid: UUID
    code: str
    year: int
    presale: int
    event_key: str
    camps: bool


class Claimed(NamedTuple):
    """A pass was claimed by the fan it was created for."""

    pass_uid: UUID


class Cancelled(NamedTuple):
    """A pass was cancelled."""

    pass_uid: UUID


class Scanned(NamedTuple):
    """A wristband was read at a gate, possibly with a pass; `refusal` is why it let nobody in."""

    band: Band
    gate: str
    mode: str
    used: Issued | None
    refusal: str | None = None


class Admitted(NamedTuple):
    """A pass was used in the preceding scan."""

    pass_uid: UUID
    gate: str


def festivals(programme: Sequence[DemoCampaign]) -> list[Festival]:
    """Return the years of the festival."""
    places = [
        [place for place, each in enumerate(programme) if word in each.title]
        for word in ("pre-sale registration", "gate check-in")
    ]
    return [
        Festival(presale, gates, programme[presale].starts_at, programme[gates].starts_at, programme[gates].ends_at)
        for presale, gates in zip(*places, strict=True)
    ]


async def make_sections(
    db: Db, account_id: int, page_tab_ids: Sequence[int], years: list[Festival]
) -> list[list[UUID]]:
    """Create the sections of each year's passes: the weekend, and the camping ground."""
    result = []
    for year in years:
        new_sections = [
            NewSection(page_tab_id=page_tab_ids[year.presale], section_name=name, capacity=places)
            for name, places in (("Weekend", None), ("Weekend with camping", CAMPING_PLACES))
        ]
        result.append([await create_section(db, account_id, each, year.sold_from) for each in new_sections])
    return result


def visits(
    chance: Random, years: Sequence[Festival], number: int, person: DemoPerson, timed_events: Sequence[TimedEvent]
) -> Iterator[tuple[float, object]]:
    """Yield a fan's passes, wristbands and scans with their times, each kind in order of time."""
    arrived_at = timed_events[0].moment
    entries = {each.event.campaign: each for each in timed_events if isinstance(each.event, Entered)}
    for place, year in enumerate(years):
        issued = None
        opens, entry = year.opens_at.timestamp(), entries.get(year.gates)
        if year.presale in entries and chance.random() < HABITS["pass"]:
            uid = UUID(int=chance.getrandbits(128), version=4)
            code, camps = _code(number * len(years) + place), chance.random() < HABITS["camps"]
            issued = Issued(uid, code, place, year.presale, year.key, camps)
            yield from (steps := list(_pass_history(chance, issued, entries[year.presale].moment, opens)))
            issued = issued if isinstance(steps[-1][1], Claimed) else None
        if entry is None:
            continue
        band = Band(year, number + 1)
        if person.email:
            yield chance.uniform(max(arrived_at, opens - WRISTBAND_LEAD), entry.moment), Registered(band)
        yield from _scans(chance, band, issued, entry)


def _code(number: int) -> str:
    """Return a unique code that looks random."""
    rest, code = number * SPREAD % len(LETTERS) ** CODE_LETTERS, ""
    for _ in range(CODE_LETTERS):
        rest, letter = divmod(rest, len(LETTERS))
        code = LETTERS[letter] + code
    return code


def _pass_history(chance: Random, issued: Issued, entered: float, opens: float) -> Iterator[tuple[float, object]]:
    """Yield the events of a pass before the festival."""
    moment = entered + chance.uniform(HOUR, 9 * DAY)
    yield moment, issued
    if chance.random() < HABITS["claims"]:
        moment = chance.uniform(moment, opens)
        yield moment, Claimed(issued.pass_uid)
    if chance.random() < HABITS["gives up"]:
        yield chance.uniform(moment, opens), Cancelled(issued.pass_uid)


def _scans(chance: Random, band: Band, issued: Issued | None, entry: TimedEvent) -> Iterator[tuple[float, object]]:
    """Yield the first entry, which uses the pass, and later exits and entries."""
    gate = str(entry.event.props["entrance"]).capitalize()
    moment = entry.moment
    yield moment, Scanned(band, gate, "entry", issued)
    if issued:
        yield moment, Admitted(issued.pass_uid, gate)
        if chance.random() < HABITS["shares"]:
            # Somebody else comes with a picture of the pass.
            yield moment + chance.uniform(60, HOUR / 2), Scanned(band, gate, "entry", issued, "pass_already_used")
    while True:
        if chance.random() < HABITS["goes out"]:
            moment += chance.uniform(1, 7) * HOUR
            yield moment, Scanned(band, gate, "exit", None)
        moment += chance.uniform(12, 20) * HOUR
        if moment > band.festival.closes_at.timestamp() or chance.random() >= HABITS["comes again"]:
            return
        yield moment, Scanned(band, gate, "entry", None)


class Gates:
    """Writes registrations, passes and scans."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.places: dict[UUID, int] = {}
        self.counts: Counter[object] = Counter()
        self.admitting: dict[UUID, int] = {}
        self.handlers: dict[type, Callable[[Fan, Any, str], None]] = {
            Registered: self._registered,
            Issued: self._issued,
            Claimed: self._claimed,
            Cancelled: self._cancelled,
            Scanned: self._scanned,
            Admitted: self._admitted,
        }

    def _registered(self, fan: Fan, registered: Registered, stamp: str) -> None:
        band, person, town = registered.band, fan.person, fan.person.town
        opens_on = band.festival.opens_at.date()
        position = self.book.announce(REGISTRATION_CREATED, f"{NETWORK}:{band.key}", fan.fan_id, stamp)
        self.book.tables["registrations"].append((
            self.book.ids.account_id, NETWORK, band.key, position, fan.fan_id, stamp, stamp, stamp,
            band.festival.name, opens_on,
            band.festival.key, VENUE, band.barcode, f"{band.number:06}", _is_minor(person.birth_date, opens_on), False,
            person.first_name, person.last_name, person.email, person.email and normalized_mail_key(person.email),
            person.phone,
            person.birth_date, town.name, town.province, town.country_code, person.postal_code,
        ))  # fmt: skip

    def _issued(self, fan: Fan, issued: Issued, stamp: str) -> None:
        ids, rows = self.book.ids, self.book.tables["passes"]
        sections = ids.sections[issued.year]
        camps = issued.camps and self.counts[issued.year] < CAMPING_PLACES
        self.counts[issued.year] += camps
        page_tab_id = ids.campaigns[issued.presale]
        data = b'{"page_tab_id":%d}' % page_tab_id
        position = self.book.announce(PASS_CREATED, issued.pass_uid, fan.fan_id, stamp, data)
        self.places[issued.pass_uid] = len(rows)
        rows.append((
            ids.account_id, issued.pass_uid, position, issued.code, page_tab_id, sections[CAMPING if camps else 0],
            issued.event_key, fan.fan_id, None, None, None, None, None, None, stamp, stamp,
        ))  # fmt: skip

    def _change(self, pass_uid: UUID, **change: object) -> None:
        rows, place = self.book.tables["passes"], self.places[pass_uid]
        rows[place] = tuple(change.get(name, value) for name, value in zip(PASS, rows[place], strict=True))

    def _claimed(self, fan: Fan, claimed: Claimed, stamp: str) -> None:
        self.book.announce(PASS_CLAIMED, claimed.pass_uid, fan.fan_id, stamp)
        self._change(claimed.pass_uid, claim_fan_id=fan.fan_id, claimed_at=stamp, updated_at=stamp)

    def _cancelled(self, fan: Fan, cancelled: Cancelled, stamp: str) -> None:
        self.book.announce(PASS_CANCELLED, cancelled.pass_uid, fan.fan_id, stamp)
        self._change(cancelled.pass_uid, cancelled_at=stamp, updated_at=stamp)

    def _scanned(self, fan: Fan, scanned: Scanned, stamp: str) -> None:
        band, used = scanned.band, scanned.used
        self.counts[scanned.gate] += 1
        source = f"{scanned.gate.lower().replace(' ', '-')}/{self.counts[scanned.gate]}"
        position = self.book.announce(SCAN_CREATED, None, None, stamp)
        self.book.tables["scans"].append((
            self.book.ids.account_id, position, NETWORK, source, band.festival.name, stamp, stamp,
            scanned.refusal is None, scanned.refusal, scanned.mode, VENUE,
            "TG", scanned.gate, band.key if fan.person.email else None, band.barcode, band.festival.key,
            band.festival.name, band.festival.opens_at.date(), VENUE, used and used.code, used and used.pass_uid,
        ))  # fmt: skip
        if used and scanned.refusal is None:
            self.admitting[used.pass_uid] = position

    def _admitted(self, fan: Fan, admitted: Admitted, stamp: str) -> None:
        uid = admitted.pass_uid
        self.book.announce(PASS_CHECKED_IN, uid, fan.fan_id, stamp)
        self._change(uid, checked_in_at=stamp, updated_at=stamp, gate_name=admitted.gate, scan_key=self.admitting[uid])


def _is_minor(birth_date: date | None, day: date) -> bool | None:
    return None if birth_date is None else (day - birth_date).days < ADULT * DAYS_A_YEAR
