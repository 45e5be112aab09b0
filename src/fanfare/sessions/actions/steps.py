"""What the steps of `connect` have in common: the request with its circumstances, and who it is about."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from fanfare.fans.contact import normalized_mail_key, read_contact
from fanfare.identities.schemas.identities import Identity
from fanfare.kernel.callers import Account, Caller
from fanfare.kernel.errors import BadParameters
from fanfare.sessions.actions.budgets import Attempt, Budget
from fanfare.sessions.actions.opening import Visit
from fanfare.sessions.queries.businesses import SiteBusiness
from fanfare.sessions.schemas.connect import EMAIL, PHONE, VERIFY_EMAIL, VERIFY_SMS, Connect, Connection, Session


class Step(msgspec.Struct, frozen=True):
    """A step of logging in: what it asks for, of which account and business, when and from where.

    `subscriber` is what attempts are counted by, None for a system with the secret that names no address of a fan.
    """

    account: Account
    request: Connect
    business: SiteBusiness | None
    address: str | None
    subscriber: str | None
    now: datetime
    # what an identity provider said before the step was taken
    identity: Identity | None = None
    # what a new fan agrees to, as fields of FanChanges
    consents: Mapping[str, Any] = {}

    def visit(self) -> Visit:
        """Return what a session keeps of it."""
        request = self.request
        business_id = self.business.business_id if self.business else None
        device = (request.device_id, request.device_network)
        authenticated_at = self.identity.authenticated_at if self.identity else self.now
        return Visit(business_id, request.page_tab_id, self.address, *device, request.session_uid, authenticated_at)

    def attempts(self, budget: Budget) -> list[Attempt]:
        """Return an attempt counted by the address, when there is one."""
        return [Attempt(budget, self.subscriber)] if self.subscriber else []


def fan_address(caller: Caller, ip_address: str | None) -> str | None:
    """Return the address that is the fan's: with the secret the one that is named, else the caller's."""
    if caller.has_secret and ip_address:
        return ip_address
    return None if caller.is_server else caller.address


# What identifies the fan in the steps that are about one kind of contact.
CONTACT_OF = {EMAIL: ("email",), VERIFY_EMAIL: ("email",), PHONE: ("phone",), VERIFY_SMS: ("phone",)}
OWNER = """
    select f.fan_id, f.password_hash from fan_identifiers i
    join fans f on f.account_id = $1 and f.fan_id = i.fan_id
    where i.account_id = $1 and i.network = $2 and i.identifier_value = $3
"""


def identity(account: Account, request: Connect) -> tuple[str, str]:
    """Return what identifies the fan of a request: what its step is about, or else the email address before the number.

    Refuses (422) a wrong one.
    """
    names = CONTACT_OF.get(request.network or "", ("email", "phone"))
    contact = {name: getattr(request, name) for name in names}
    mail, number, _, faults = read_contact(contact, account.country_code)
    if faults:
        raise BadParameters(faults)
    return ("email", normalized_mail_key(mail)) if mail else ("phone", number or "")


def finished(session: Session) -> Connection:
    """Return what a step answers that begins a session."""
    return Connection(**msgspec.structs.asdict(session))
