"""What keeps criteria from being asked: too many filters inside each other, and exclusions of what is not there.

An unknown name among what lets fans in lets nobody in. Among what keeps fans out it would keep nobody out, so it is
refused, also where a filter that is excluded names it. docs/decisions/0032-references.md
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import Params
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.criterion import Setting
from fanfare.search.criteria.uses import Use, filter_uids, mentions, uses
from fanfare.search.queries.settings import shared_setting

# How many filters one may consist of, itself and each mention counted: its condition holds all of theirs.
MAX_PARTS = 100
# The filters that each filter names, by uid, with how many of its criteria name them.
Links = Mapping[str, Counter[str]]
TOO_LARGE = f"refers to more than {MAX_PARTS} filters, directly or through other filters"


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with criteria, and where: in one of their own, or in the filter `uid` that they lead to.

    `name` is the criterion there and `through` the one that leads there, the same where the fault is their own.
    """

    words: str
    name: str
    through: str
    uid: str | None = None

    def message(self) -> str:
        """Return what is told of the criterion `through`."""
        return self.words if self.uid is None else f"refers to filter:{self.uid}, whose {self.name} {self.words}"


async def setting(db: Db, account: Account, criteria: Criteria, now: datetime) -> Setting:
    """Return what criteria are read against at this moment; refuse those that cannot be asked."""
    criteria_setting = await shared_setting(db, account, [criteria], now, MAX_PARTS)
    refuse(faults(criteria, criteria_setting))
    return criteria_setting


def refuse(faults: Iterable[Fault], reason: str = "") -> None:
    """Refuse criteria that have faults, and tell the reason with each."""
    errors = [(each.through, each.message() + reason) for each in faults]
    if errors:
        raise BadParameters(dict.fromkeys(errors))


def faults(criteria: Params, setting: Setting, *, is_excluded: bool = False) -> list[Fault]:
    """Return what keeps criteria from being asked; `is_excluded` says that other criteria keep out whom they find."""
    if (name := _too_large(criteria, setting)) is not None:
        # Too many to look into.
        return [Fault(TOO_LARGE, name, name)]
    return list(_missing(criteria, setting, is_excluded=is_excluded))


def _too_large(criteria: Params, setting: Setting) -> str | None:
    """Return the criterion that leads to more filters than criteria may, if one does."""
    linked: dict[str, Counter[str]] = {}
    counted: dict[str, int] = {}
    limit = MAX_PARTS
    for name, segments in mentions(criteria).items():
        uids = [_uid(each) for each in segments if each.startswith("filter:")]
        pending = [*uids]
        while pending and len(linked) <= MAX_PARTS:
            uid = pending.pop()
            if uid not in linked and uid in setting.filters:
                linked[uid] = Counter(filter_uids([setting.filters[uid]]))
                pending += linked[uid]
        limit -= sum(parts(linked, uid, counted) for uid in uids)
        if limit < 0 or pending:
            return name
    return None


def parts(linked: Links, start: str, counted: dict[str, int]) -> int:
    """Return how many filters one consists of, each as often as its condition is asked; at most one above the most.

    `counted` keeps what was found on the way, for the next question.
    """
    if start not in counted:
        # What leads back to itself has no end.
        counted[start] = MAX_PARTS + 1
        below = sum(times * parts(linked, each, counted) for each, times in linked.get(start, Counter()).items())
        counted[start] = min(1 + below, MAX_PARTS + 1)
    return counted[start]


def _missing(criteria: Params, setting: Setting, *, is_excluded: bool) -> Iterator[Fault]:
    """Yield what is not there and would keep fans out, of some criteria and of the filters that they lead to."""
    yield from (Fault(words, name, name) for name, words in _missing_here(criteria, setting, is_excluded=is_excluded))
    visited: set[tuple[str, bool]] = set()
    pending = [(uid, use.name, is_excluded or use.criterion.excludes) for uid, use in _below(criteria, setting)]
    while pending:
        uid, through, is_out = pending.pop()
        if (uid, is_out) in visited:
            continue
        visited.add((uid, is_out))
        here = setting.filters[uid]
        missing = _missing_here(here, setting, is_excluded=is_out)
        yield from (Fault(words, name, through, uid) for name, words in missing)
        pending += [(each, through, is_out or use.criterion.excludes) for each, use in _below(here, setting)]


def _below(criteria: Params, setting: Setting) -> Iterator[tuple[str, Use]]:
    """Yield the uids of the filters that criteria name, each with the criterion."""
    for use in uses(criteria):
        yield from ((uid, use) for uid in map(_uid, use.segments()) if uid in setting.filters)


def _uid(segment: str) -> str:
    return segment.removeprefix("filter:")


def _missing_here(criteria: Params, setting: Setting, *, is_excluded: bool) -> Iterator[tuple[str, str]]:
    """Yield each criterion that names what is not there, and would so keep fans out who are meant, with what it names.

    `is_excluded` says that whom the criteria find is kept out.
    """
    for use in uses(criteria):
        segments = use.segments()
        if is_excluded or use.criterion.excludes:
            unknown = (each for each in segments if not setting.has(each) and _uid(each) not in setting.unreadable)
            yield from ((use.name, f"refers to an unknown segment: {each}") for each in unknown)
        unreadable = (each for each in segments if _uid(each) in setting.unreadable)
        yield from ((use.name, f"refers to a filter whose criteria cannot be read: {each}") for each in unreadable)
        yield from use.missing(setting, is_excluded=is_excluded)
