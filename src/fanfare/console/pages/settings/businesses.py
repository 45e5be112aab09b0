"""Businesses: teams and brands with their legal texts, logo and colour."""

from datetime import datetime

from fanfare.accounts import actions, queries
from fanfare.accounts.schemas import BusinessChanges, NewBusiness, OneBusiness
from fanfare.console.pages.settings.places import path_of, setting
from fanfare.console.schemas.settings import BusinessForm
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.staff.schemas.members import Member


@manage.get("/settings", area="settings")
async def settings(member: Member) -> Redirect:
    """Lead to the first setting."""
    return Redirect(path_of("businesses", member))


@manage.get("/settings/businesses", area="settings")
async def businesses(db: Db, member: Member) -> View:
    """Show the businesses."""
    return setting("businesses", member, {"businesses": await queries.businesses(db, member.account.id)})


@manage.post("/settings/businesses", area="settings")
async def business_create(db: Db, member: Member, form: NewBusiness, now: datetime) -> Redirect:
    """Create a business, and lead to its texts."""
    business_id = await actions.create_business(db, member.account.id, form, now)
    return Redirect(f"{path_of('businesses', member)}/{business_id}")


@manage.get("/settings/businesses/{business_id}", area="settings")
async def business(db: Db, member: Member, target: OneBusiness) -> View:
    """Show a business with its texts."""
    return setting("business", member, {"business": await queries.business(db, member.account.id, target.business_id)})


@manage.post("/settings/businesses/{business_id}", area="settings")
async def business_update(db: Db, member: Member, visit: Visit, form: BusinessForm, now: datetime) -> Redirect:
    """Change a business; what its look has beside logo and colour stays."""
    account_id = member.account.id
    current = await queries.business(db, account_id, form.business_id)
    media, style = dict(current.media_map), dict(current.style_props)
    for values, name, text in ((media, "logo", form.logo), (style, "brand_color", form.brand_color)):
        if text:
            values[name] = text
        else:
            values.pop(name, None)
    changes = BusinessChanges(
        business_id=form.business_id, business_name=form.business_name, legal_rules=form.legal_rules,
        legal_terms=form.legal_terms, legal_privacy=form.legal_privacy, media_map=media, style_props=style,
    )  # fmt: skip
    await actions.change_business(db, account_id, changes, now)
    flash(visit, "The business is changed.")
    return Redirect(f"{path_of('businesses', member)}/{form.business_id}")


@manage.post("/settings/businesses/{business_id}/delete", area="settings")
async def business_delete(db: Db, member: Member, visit: Visit, form: OneBusiness, now: datetime) -> Redirect:
    """Delete a business to which nothing refers."""
    await actions.delete_business(db, member.account.id, form.business_id, now)
    flash(visit, "The business is deleted.")
    return Redirect(path_of("businesses", member))
