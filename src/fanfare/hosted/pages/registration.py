"""The registration of a new fan."""

from datetime import datetime

from fanfare.hosted.actions import logging_in
from fanfare.hosted.pages.login_frame import (
    REGISTER,
    in_words,
    login_paths,
    login_view,
    open_destination,
    providers_of,
    terms_fault,
)
from fanfare.hosted.schemas.login import Destination, LoginQuery, RegisterForm
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.pages.page import Redirect, View, Visit, page

# What a fan agrees to, as it is kept in the ledger.
WORDINGS = {
    "is_subscribed": "Yes, news and offers from %(name)s by email. I can unsubscribe at any time.",
    "is_phone_subscribed": "Yes, text messages from %(name)s. My network may charge for them. I can end them any time.",
}
REGISTERED = "There is an account with this already. Log in instead."


def _wordings(visit: Visit, destination: Destination) -> dict[str, str]:
    name = destination.business.business_name if destination.business else destination.account.name
    return {field: visit.language.text(text) % {"name": name} for field, text in WORDINGS.items()}


@page.get(REGISTER)
async def register(db: Db, visit: Visit, query: LoginQuery) -> View:
    """Ask for what a new fan needs."""
    db = db.for_account(query.account_id)
    destination = await open_destination(db, visit, query)
    values = {
        "wordings": _wordings(visit, destination),
        "providers": await providers_of(db, destination),
    }
    return await login_view(db, visit, destination, "register.html", values)


@page.post(REGISTER)
async def register_send(db: Db, visit: Visit, form: RegisterForm, now: datetime) -> View | Redirect:
    """Make a new fan, who is logged in."""
    db = db.for_account(form.account_id)
    destination = await open_destination(db, visit, form)
    fault = terms_fault(destination, form)
    if destination.terms and fault:
        raise BadParameters([("is_accepted", fault)])
    main_field = "email" if form.email else "phone"
    wordings = _wordings(visit, destination)
    ticked = [field for field in WORDINGS if getattr(form, field)]
    wording = " ".join(wordings[field] for field in ticked)
    with in_words(main_field):
        connection = await logging_in.register(db, visit, destination, form, wording, now)
    if connection.status == "login":
        raise BadParameters([(main_field, REGISTERED)])
    url = await logging_in.finish(db, visit, destination, connection, now)
    return Redirect(url or login_paths(visit)["login"])
