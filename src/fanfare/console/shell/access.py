"""Declares pages of the Manage Centre, each with the right that it needs, and lets in whoever has it.

    @manage.get("/keys", area="keys", right="read")
    async def keys(db: Db, member: Member) -> View:

serves `/manage/{account_id}/keys`. A page asks for its arguments by type, as pages do: the database (`Db`, for the
account), the member (`Member`), the visit (`Visit`), the time (`datetime`), one struct of `Params`, and what was sent
(`Raw`) where the names of fields are made by the page. A page of `personal` belongs to the person and no account, and
asks for the session (`StaffSession`) in place of the member.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar, get_type_hints

import msgspec

from fanfare.console.shell.frame import framed, open_groups
from fanfare.console.shell.proofs import FILE, RETURN, file_path, proof_question
from fanfare.console.shell.signed_in import require_session, sso_url
from fanfare.kernel.data.audit import Action, no_keys
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Forbidden, Unknown
from fanfare.kernel.pages.page import Answer, Data, Detour, Download, Redirect, View, Visit, page
from fanfare.kernel.parameters import Params, Raw, read
from fanfare.kernel.wire.numbers import MAX_ID
from fanfare.staff.actions.audit import actor_of, audit_log
from fanfare.staff.queries.people import member as member_of
from fanfare.staff.schemas.members import Member, StaffSession
from fanfare.staff.schemas.roles import AREA_NAMES, Right

__all__ = ["Access", "account_id_of", "in_frame", "manage", "personal"]

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])
FIELD = re.compile(r"\{(\w+)\}")
ROOT, ACCOUNT_ROOT = "/manage", "/manage/{account_id}"
PROVIDED = (Db, Visit, datetime, Member, StaffSession, Raw)


class Access(msgspec.Struct, frozen=True):
    """What a page needs: for pages of an account, a right in an area; for others, a session alone.

    `needs_proof`: the person must have shown who they are in the last ten minutes. `is_account_wide`: closed to people
    who are limited to businesses, since it is about all of them.
    """

    method: str
    path: str
    area: str = ""
    right: Right = "read"
    needs_proof: bool = False
    is_account_wide: bool = False
    is_personal: bool = False
    # whether the form ends with a file: no transaction is held meanwhile, and it is noted right after it was taken
    takes_file: bool = False
    # whether the action waits for a turn, and so is noted right after it ran
    takes_turn: bool = False
    # whether a page of the right to export only asks what to export: nothing is noted
    is_question: bool = False
    # whether it is for everybody in the account, and shows each what their rights let them see
    is_for_all: bool = False


class _Parts(NamedTuple):
    """How a page is called: its function, and the type of each argument."""

    handler: Callable[..., Awaitable[Answer]]
    hints: dict[str, Any]
    params: type[Params] | None
    # whether a script asks, and not a form that the person sends
    is_data: bool
    # whether it leads to no page: the browser keeps a file, and stays at the page before
    has_no_page: bool


def _parts(handler: Callable[..., Awaitable[Any]]) -> _Parts:
    hints = get_type_hints(handler)
    answer = hints.pop("return")
    structs = [hint for hint in hints.values() if isinstance(hint, type) and issubclass(hint, Params)]
    params = structs[0] if structs else None
    if unknown := [hint for hint in hints.values() if hint not in (*PROVIDED, params)]:
        message = f"{handler.__name__} asks for {unknown}, which no page of the Manage Centre provides"
        raise TypeError(message)
    return _Parts(handler, hints, params, answer is Data, answer in (Download, Redirect))


def account_id_of(text: str) -> int:
    """Return the account of a path; Unknown (404) for a text that is none, as for another's account."""
    account_id = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ID)) else 0
    if not 0 < account_id <= MAX_ID:
        raise Unknown
    return account_id


class _Decorator:
    """Provides `@manage.get("/keys", area="keys")`; for personal pages `@personal.get("/me")`."""

    def __init__(self, *, is_personal: bool) -> None:
        self.is_personal = is_personal
        # every page that was declared, for the rules
        self.accesses: dict[tuple[str, str], Access] = {}

    def get(self, path: str, *, area: str = "", right: Right = "read", **options: bool) -> Callable[[F], F]:
        """Declare a page that reads; `options` are the fields of `Access` by their names."""
        return self._mark("GET", path, area=area, right=right, **options)

    def post(self, path: str, *, area: str = "", right: Right = "write", **options: bool) -> Callable[[F], F]:
        """Declare the target of a form, which changes something; `options` are the fields of `Access`."""
        return self._mark("POST", path, area=area, right=right, **options)

    def may_open(self, member: Member | None, path: str) -> bool:
        """Return whether a page of the account is open to somebody; `path` is below the account, without ids."""
        access = self.accesses.get(("GET", ACCOUNT_ROOT + path))
        if access is None or member is None:
            return False
        may = access.is_for_all or member.may(access.area, access.right)
        return may and not (access.is_account_wide and member.is_limited)

    def _mark(self, method: str, path: str, **options: Any) -> Callable[[F], F]:  # noqa: ANN401 - the fields of Access
        root = ROOT if self.is_personal else ACCOUNT_ROOT
        access = Access(method, root + path, is_personal=self.is_personal, **options)
        if self.is_personal == bool(access.area) or (access.area and access.area not in AREA_NAMES):
            message = f"{path} needs an area of {AREA_NAMES}" if not self.is_personal else f"{path} has no area"
            raise TypeError(message)

        def mark(handler: F) -> F:
            parts = _parts(handler)
            serve = _personal(access, parts) if self.is_personal else _of_account(access, parts)
            serve.__name__, serve.__module__ = handler.__name__, handler.__module__
            declare = page.get(access.path) if method == "GET" else page.post(access.path, takes_file=access.takes_file)
            handler.page = declare(serve).page  # type: ignore[attr-defined]
            self.accesses[method, access.path] = access
            return handler

        return mark


def _read(access: Access, params: type[Params], raw: Raw) -> Params:
    """Return its parameters; Unknown (404) for an id of the path that is none, as for one that nothing has."""
    try:
        return read(params, raw)
    except BadParameters as wrong:
        if any(f"{{{name}}}" in access.path for name, _ in wrong.errors):
            raise Unknown from None
        raise


def _admit(access: Access, member: Member, visit: Visit) -> None:
    """Refuse whoever may not open a page, or lead to where the member can go on."""
    account_id = member.account.id
    if member.has_to_use_sso:
        raise Detour(sso_url(account_id, visit.url if access.method == "GET" else f"/manage/{account_id}"))
    if access.path == ACCOUNT_ROOT and not member.may(access.area):
        _lead_on(member)
    if not access.is_for_all:
        member.require(access.area, access.right)
    if access.is_account_wide:
        member.require_all_businesses()


async def _run(
    access: Access, db: Db, account_id: int, action: Action, now: datetime, act: Callable[[Db], Awaitable[Answer]]
) -> Answer:
    """Run what a page does, with its entry in the audit log if it changes or exports anything."""
    if access.method == "POST" and not access.takes_turn and not access.takes_file:
        # It leads to the page of what it made; others may lead to anything.
        keys_in = _keys_led_to if action.name.endswith("_create") else no_keys
        return await audit_log.change(db, account_id, action, now, act, keys_in=keys_in)
    if access.method == "POST" or (access.right == "export" and not access.is_question):
        return await audit_log.export(db, account_id, action, now, act)
    return await act(db)


def _of_account(access: Access, parts: _Parts) -> Callable[..., Awaitable[Answer]]:
    async def serve(db: Db, visit: Visit, raw: Raw, now: datetime) -> Answer:
        raw = dict(raw)
        account_id = account_id_of(str(raw.pop("account_id")[0]))
        session = await require_session(db, visit, now, is_read=access.method == "GET")
        db = db.for_account(account_id)
        member = await member_of(db, session, account_id)
        _admit(access, member, visit)
        if question := _question(access, parts, session, visit, raw, now):
            return await in_frame(db, visit, question, member, session)
        params = _read(access, parts.params, raw) if parts.params else None

        async def act(tx: Db) -> Answer:
            values: dict[Any, Any] = {
                Db: tx,
                Visit: visit,
                datetime: now,
                Member: member,
                Raw: raw,
                parts.params: params,
            }
            return await parts.handler(**{name: values[hint] for name, hint in parts.hints.items()})

        action = Action(parts.handler.__name__, actor_of(member, visit), params)
        answer = await _run(access, db, account_id, action, now, act)
        return await in_frame(db, visit, answer, member, session)

    return serve


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    """Return what addresses of pages of one thing look like, with the names of their keys."""
    paths = [path for method, path in manage.accesses if method == "GET" and path.endswith("}")]
    return tuple(re.compile(FIELD.sub(lambda field: f"(?P<{field[1]}>{_key_form(field[1])})", path)) for path in paths)


def _key_form(name: str) -> str:
    return r"\d{1,18}" if name.endswith("_id") else r"[0-9a-f-]{36}" if name.endswith("_uid") else r"[^/?#]+"


def _keys_led_to(answer: Answer) -> dict[str, Any]:
    """Return the keys of the thing to whose page an answer leads: what was made has its key there alone."""
    path = answer.location.partition("?")[0] if isinstance(answer, Redirect) else ""
    match = next((match for pattern in _patterns() if (match := pattern.fullmatch(path))), None)
    return match.groupdict() if match else {}


def _personal(access: Access, parts: _Parts) -> Callable[..., Awaitable[Answer]]:
    async def serve(db: Db, visit: Visit, raw: Raw, now: datetime) -> Answer:
        session = await require_session(
            db, visit, now, is_read=access.method == "GET", is_set_up=access.path in SET_UP_PATHS
        )
        if session.account_id is not None and access.path not in SSO_PATHS:
            raise OneAccountSession
        if question := _question(access, parts, session, visit, raw, now):
            return await in_frame(db, visit, question, None, session)
        values: dict[Any, Any] = {Db: db, Visit: visit, datetime: now, StaffSession: session}
        if parts.params:
            values[parts.params] = _read(access, parts.params, raw)
        answer = await parts.handler(**{name: values[hint] for name, hint in parts.hints.items()})
        return await in_frame(db, visit, answer, None, session)

    return serve


# Open to people who came by single sign-on: what they are otherwise is the provider's, not theirs to change here.
SSO_PATHS = frozenset({"/manage", "/manage/console", "/manage/theme", "/manage/components", RETURN, FILE})


class OneAccountSession(Forbidden):
    """You came by single sign-on, which is good in one account: password, passkeys and sessions are closed to it"""


# Open to people who have yet to set up a second factor.
SET_UP_PATHS = frozenset(
    {"/manage/me/set_up", "/manage/me/app", "/manage/me/passkeys", "/manage/prove", "/manage/theme"}
)


async def in_frame(db: Db, visit: Visit, answer: Answer, member: Member | None, session: StaffSession) -> Answer:
    """Return a view in its frame: of the account with a member, of the person without; other answers as they are."""
    may_open = partial(manage.may_open, member)
    return await framed(db, visit, answer, member=member, session=session, may_open=may_open)


def _lead_on(member: Member) -> None:
    """Lead somebody who sees no figures to the first page that is open to them."""
    paths = [place.path for group in open_groups(partial(manage.may_open, member)) for place in group.places]
    if paths:
        path = f"/manage/{member.account.id}{paths[0]}"
        raise Detour(path)


def _question(
    access: Access, parts: _Parts, session: StaffSession, visit: Visit, raw: Raw, now: datetime
) -> View | None:
    """Return the page that asks who it is before a form is sent; None where no proof is due."""
    if not access.needs_proof or session.is_fresh(now):
        return None
    is_form = access.method == "POST" and not parts.is_data
    path = visit.url if access.method == "GET" else _page_above(access, visit)
    if access.method == "GET" and parts.has_no_page:
        path = file_path(path, _page_above(access, visit))
    return proof_question(session, visit, raw if is_form else None, path, now)


def _page_above(access: Access, visit: Visit) -> str:
    """Return the URL of the page that has the form or the link: the nearest page above it."""
    # The page itself may have the form; what is read is not above itself.
    declared = {*manage.accesses, *personal.accesses} - ({("GET", access.path)} if access.method == "GET" else set())
    template, path = access.path, visit.url.partition("?")[0]
    while ("GET", template) not in declared and template != ROOT:
        template, path = template.rpartition("/")[0], path.rpartition("/")[0]
    return path


manage = _Decorator(is_personal=False)
personal = _Decorator(is_personal=True)
