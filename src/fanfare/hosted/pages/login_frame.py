"""What the pages of the login have in common: where it leads, how it looks, and errors in words for fans."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

import msgspec

from fanfare.fans.actions.fans import PhoneTaken
from fanfare.fans.contact import mail_address, phone_number
from fanfare.hosted.actions.passkeys import login_options
from fanfare.hosted.browser_sessions import LOGIN
from fanfare.hosted.queries.destinations import destination_of
from fanfare.hosted.queries.looks import LEGAL_LINK, look_of
from fanfare.hosted.schemas.login import Destination, LoginQuery, RegisterForm, TermsForm
from fanfare.identities.queries.providers import Provider, login_providers
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, TooManyCalls
from fanfare.kernel.pages.languages import CHOICE
from fanfare.kernel.pages.page import View, Visit
from fanfare.sessions.actions.connecting import WrongLogin
from fanfare.sessions.queries.businesses import SiteBusiness

TEMPLATES = "hosted/templates/login"
CONTINUE, LOG_OUT, TERMS = f"{LOGIN}/continue", f"{LOGIN}/log_out", f"{LOGIN}/terms"
REGISTER, CODE, CODE_ENTRY = f"{LOGIN}/register", f"{LOGIN}/code", f"{LOGIN}/code/enter"
PASSKEY = f"{LOGIN}/passkey"
FORGOTTEN, LINK_SENT = f"{LOGIN}/forgotten", f"{LOGIN}/forgotten/sent"
PATHS = {
    "login": LOGIN, "continue": CONTINUE, "log_out": LOG_OUT, "terms": TERMS, "register": REGISTER, "code": CODE,
    "provider": f"{LOGIN}/provider", "code_entry": CODE_ENTRY, "passkey": PASSKEY, "forgotten": FORGOTTEN,
    "link_sent": LINK_SENT,
}  # fmt: skip
# Parameters that choose what the login begins with; the pages that follow go on without them.
FIRST = ("login_type", "login", CHOICE)
# What the fields of `sessions/connect` say, in words for fans.
WORDS = {
    "email": "Enter an email address, such as ada@example.com.",
    "phone": "Enter a mobile number with its country code, such as +1 604 555 0123.",
    "contact": "Enter an email address, or a mobile number with its country code.",
    "password": "Use at least 8 characters, and not your email address or number.",
    "verification_code": "This code is wrong.",
    "request_uid": "This code has expired or was tried too often. Request a new one.",
}
WRONG_LOGIN = "The email address, number or password is wrong."
PHONE_TAKEN = "Somebody else has registered this number. Leave it empty, or log in with it."
NOT_ACCEPTED = "Please accept these texts to go on."
TERMS_CHANGED = "These texts have changed. Please read them once more."
TOO_MANY = "Too many attempts. Wait a while, then try again."


class TooManyAttempts(BadParameters):
    """Too many attempts; wait before the next one"""

    status = 429

    def __init__(self, name: str, seconds: int | None) -> None:
        super().__init__([(name, TOO_MANY)])
        self.retry_after = seconds


@contextmanager
def in_words(main_field: str, **fields: str) -> Iterator[None]:
    """Put refusals of a step at the fields of a form, in words for fans.

    `fields` are the names that the form has for those of the step; what has no field stands at the main field.
    """
    try:
        yield
    except WrongLogin:
        raise BadParameters([(main_field, WRONG_LOGIN)]) from None
    except PhoneTaken:
        raise BadParameters([(fields.get("phone", "phone"), PHONE_TAKEN)]) from None
    except TooManyCalls as refusal:
        raise TooManyAttempts(main_field, refusal.retry_after) from None
    except BadParameters as wrong:
        names = [(fields.get(name, name), message) for name, message in wrong.errors]
        raise BadParameters([(name, WORDS.get(name, message)) for name, message in names]) from None


def terms_fault(destination: Destination, form: TermsForm | RegisterForm) -> str | None:
    """Return why a form accepts the terms not yet: it does not, or it showed another wording of them."""
    if not form.is_accepted:
        return NOT_ACCEPTED
    return TERMS_CHANGED if destination.terms and form.terms != destination.terms else None


def password_in_words(visit: Visit) -> None:
    """Put the refusal of a new password into words for fans, for a form with that field alone."""
    if visit.faults.get("password", "is required") != "is required":
        visit.faults = {"password": WORDS["password"]}


async def open_destination(db: Db, visit: Visit, query: LoginQuery) -> Destination:
    """Return where the login leads, and let the forms of the page lead there; refuses what is not registered."""
    destination = await destination_of(db, query, visit.url)
    if destination.redirect_url is not None:
        visit.leads_to(destination.redirect_url)
    return destination


def login_paths(visit: Visit) -> dict[str, str]:
    """Return the addresses of all pages of this login, with its parameters."""
    query = visit.url.partition("?")[2]
    pairs = [each for each in parse_qsl(query, keep_blank_values=True) if each[0] not in FIRST]
    return {name: f"{path}?{urlencode(pairs)}" for name, path in PATHS.items()}


class LegalText(msgspec.Struct, frozen=True):
    """A legal text of a business: a link, or the text itself."""

    title: str
    url: str | None
    text: str


def legal_texts(business: SiteBusiness | None) -> list[LegalText]:
    """Return the texts that a fan accepts."""
    pairs = (("Terms", business.legal_terms), ("Privacy", business.legal_privacy)) if business else ()
    return [LegalText(title, text if LEGAL_LINK.fullmatch(text) else None, text) for title, text in pairs if text]


class Prefill(msgspec.Struct, frozen=True):
    """What the fields for an email address or a phone number begin with."""

    email: str = ""
    phone: str = ""

    @property
    def contact(self) -> str:
        """The one that there is, for a field that takes either."""
        return self.email or self.phone


def prefill_of(login_hint: str) -> Prefill:
    """Return the address or number that a hint is; nothing for any other hint, which fans could make nothing of."""
    try:
        return Prefill(email=mail_address(login_hint)) if "@" in login_hint else Prefill(phone=phone_number(login_hint))
    except ValueError:
        return Prefill()


async def login_view(
    db: Db, visit: Visit, destination: Destination, template: str, values: Mapping[str, object] = {}
) -> View:
    """Return a page of the login in the look of the business."""
    business = destination.business
    header = business.locale_props.get("header_text") if business else None
    status = 422 if visit.faults else 200
    return View(
        f"{TEMPLATES}/{template}",
        {
            "look": await look_of(db, destination.account.id, destination.business_id),
            "header_text": header if isinstance(header, str) else "",
            "paths": login_paths(visit),
            "prefill": prefill_of(destination.login_hint),
            "texts": legal_texts(business),
            "terms": destination.terms,
            **values,
        },
        status,
    )


async def providers_of(db: Db, destination: Destination) -> list[Provider]:
    """Return the identity providers to offer; for a fresh login only those that can say when theirs was."""
    providers = await login_providers(db, destination.account.id, destination.business_id)
    return [each for each in providers if each.preset.has_id_token or not destination.asks_fresh]


async def login_page(db: Db, visit: Visit, destination: Destination, now: datetime) -> View:
    """Return what the login begins with: password, code, providers, passkey."""
    values = {
        "passkey_options": await login_options(db, destination.account.id, now),
        "providers": await providers_of(db, destination),
    }
    return await login_view(db, visit, destination, "login.html", values)
