"""Why a fan is in a segment or not, in the words of the search, as the person may see it."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from fanfare.console.criteria.builder import Builder, prose, read_builder
from fanfare.console.criteria.values import raw_of
from fanfare.console.schemas.why import Reason
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.languages import Language
from fanfare.segments.queries.why import why
from fanfare.segments.schemas.segments import Branch, OneMember, Verdict
from fanfare.staff.schemas.masking import HIDDEN
from fanfare.staff.schemas.members import Member


async def reasons(
    db: Db, member: Member, language: Language, target: OneMember, now: datetime
) -> tuple[bool, list[Reason]]:
    """Return whether a fan is in a segment, and every criterion and group of it; Unknown (404) segment or fan."""
    result = await why(db, member.account, target, now)
    read = partial(_criterion, db, member, language)
    return result.is_member, [
        *[await read(each) for each in result.criteria],
        *[await _branch(db, member, language, each) for each in result.branches],
    ]


async def _branch(db: Db, member: Member, language: Language, branch: Branch) -> Reason:
    parts: Sequence[Reason] = [await _branch(db, member, language, each) for each in branch.members]
    parts = parts or [await _criterion(db, member, language, each) for each in branch.criteria]
    if branch.relation is None and len(parts) == 1:
        return parts[0]
    return Reason(branch.is_met, relation=branch.relation or "all", parts=[*parts])


async def _criterion(db: Db, member: Member, language: Language, verdict: Verdict) -> Reason:
    """Return a criterion; one that names a person by its own name alone, for people who see no names.

    What it checked may be of another business: people who are limited to some do not see it, nor those who see nothing
    personal.
    """
    raw = raw_of({name: value for name, value in verdict.wanted.items() if value is not None})
    builder = await read_builder(db, member, language, raw, area="fans")
    sentence = verdict.criterion if builder.faults else prose(builder) or verdict.criterion
    is_hidden = member.is_limited or member.mask("fans").is_on or member.mask("segments").is_on
    return Reason(verdict.is_met, sentence, HIDDEN if is_hidden else _named(verdict.seen, builder))


def _named(value: object, builder: Builder) -> object:
    """Return a value with the names of the segments whose keys are in it."""
    if not isinstance(value, list):
        return value
    places = [place for each in builder.sentences for part in each.parts for _, place in part.pieces if place]
    names = {key: name for place in places for key, name in place.entries}
    return [names.get(each, each) for each in value]
