"""Where the account is at home: time zone, currency and country, each with what a change of it would mean."""

from datetime import datetime

from babel import Locale

from fanfare.account_settings.actions import accounts as actions
from fanfare.account_settings.queries import accounts as queries
from fanfare.account_settings.schemas.accounts import AccountChanges, NewZone
from fanfare.console.pages.choices import country_choices, zone_choices
from fanfare.console.pages.settings.places import path_of, setting
from fanfare.console.schemas.settings import CountryChange, CurrencyChange, HomeQuery
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.languages import Language
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.staff.schemas.members import Member

# Those that are money of somewhere, not metals, funds and former ones.
CURRENCIES = (
    "AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY KRW MAD MXN MYR NGN NOK"
    " NZD PEN PHP PKR PLN RON RSD SAR SEK SGD THB TRY TWD UAH USD UYU VND ZAR"
)


def currencies(language: Language, current: str) -> list[tuple[str, str]]:
    """Return the currencies as (code, code and name)."""
    names = Locale.parse(language.code).currencies
    return [(code, f"{code} · {names.get(code, code)}") for code in sorted({*CURRENCIES.split(), current})]


@manage.get("/settings/home", area="settings")
async def home_settings(db: Db, member: Member, visit: Visit, query: HomeQuery) -> View:
    """Show time zone, currency and country, and what the change that was asked for would mean."""
    account = member.account
    zone_preview = currency_preview = None
    if query.time_zone not in (None, account.time_zone):
        zone_preview = await queries.zone_preview(db, account, query.time_zone or "")
    if query.currency not in (None, account.currency):
        currency_preview = await queries.currency_preview(db, account, query.currency or "")
    values: dict[str, object] = {
        "account": await queries.account_settings(db, account.id),
        "zone_preview": zone_preview,
        "currency_preview": currency_preview,
        "zones": zone_choices(account.time_zone),
        "currencies": currencies(visit.language, account.currency),
        "countries": country_choices(visit.language),
    }
    return setting("home", member, values)


@manage.post("/settings/home/time_zone", area="settings", needs_proof=True)
async def time_zone_update(db: Db, member: Member, visit: Visit, form: NewZone, now: datetime) -> Redirect:
    """Let a job change the time zone."""
    await actions.request_zone(db, member.account, form.time_zone, now)
    flash(visit, "The days are being counted again; until then everything is by those of the old time zone.")
    return Redirect(path_of("home", member))


@manage.post("/settings/home/time_zone/withdraw", area="settings")
async def time_zone_withdraw(db: Db, member: Member, visit: Visit) -> Redirect:
    """Withdraw the change of the time zone that waits."""
    await actions.withdraw_zone(db, member.account.id)
    flash(visit, "The time zone stays as it is.")
    return Redirect(path_of("home", member))


@manage.post("/settings/home/currency", area="settings", needs_proof=True)
async def currency_update(db: Db, member: Member, visit: Visit, form: CurrencyChange, now: datetime) -> Redirect:
    """Change the currency of new amounts."""
    await actions.change_account(db, member.account.id, AccountChanges(currency=form.currency), now)
    flash(visit, "The currency is changed.")
    return Redirect(path_of("home", member))


@manage.post("/settings/home/country", area="settings")
async def country_update(db: Db, member: Member, visit: Visit, form: CountryChange, now: datetime) -> Redirect:
    """Change the country of new phone numbers."""
    await actions.change_account(db, member.account.id, AccountChanges(country_code=form.country_code), now)
    flash(visit, "The country is changed.")
    return Redirect(path_of("home", member))
