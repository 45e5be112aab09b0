"""Custom fields, tags, banned addresses and words in display names."""

from datetime import datetime

from fanfare.console.pages.choices import campaign_choices
from fanfare.console.pages.settings.places import path_of, setting
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.fans.actions import fields as field_actions
from fanfare.fans.actions import identifiers, names
from fanfare.fans.actions import tags as tag_actions
from fanfare.fans.queries import attributes as queries
from fanfare.fans.schemas.attributes import (
    FIELD_TYPES,
    AddressEntry,
    FieldDefinition,
    NameWordEntry,
    NewTag,
    OneField,
    OneNameWord,
    OneTag,
)
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.staff.schemas.members import Member


@manage.get("/settings/fields", area="settings")
async def fields(db: Db, member: Member) -> View:
    """Show the custom fields."""
    custom_fields = await queries.fields(db, member.account.id, with_counts=True)
    return setting("fields", member, {"fields": custom_fields, "field_types": [(name, name) for name in FIELD_TYPES]})


@manage.post("/settings/fields", area="settings")
async def field_save(db: Db, member: Member, visit: Visit, form: FieldDefinition, now: datetime) -> Redirect:
    """Define a field, or change one."""
    await field_actions.save_field(db, member.account.id, form, now)
    flash(visit, "The field is saved.")
    return Redirect(path_of("fields", member))


@manage.post("/settings/fields/delete", area="settings", needs_proof=True)
async def field_delete(db: Db, member: Member, visit: Visit, form: OneField, now: datetime) -> Redirect:
    """Delete a field with its values."""
    await field_actions.delete_field(db, member.account.id, form.crm_field_key, now)
    flash(visit, "The field is deleted.")
    return Redirect(path_of("fields", member))


@manage.get("/settings/tags", area="settings")
async def tags(db: Db, member: Member) -> View:
    """Show the tags with their fans."""
    return setting("tags", member, {"tags": await queries.tags(db, member.account.id)})


@manage.post("/settings/tags", area="settings")
async def tag_create(db: Db, member: Member, visit: Visit, form: NewTag, now: datetime) -> Redirect:
    """Create a tag."""
    await tag_actions.create_tag(db, member.account.id, form.tag_name, now)
    flash(visit, "The tag is there.")
    return Redirect(path_of("tags", member))


@manage.post("/settings/tags/delete", area="settings")
async def tag_delete(db: Db, member: Member, visit: Visit, form: OneTag, now: datetime) -> Redirect:
    """Delete a tag, and take it from its fans."""
    await tag_actions.delete_tag(db, member.account.id, form.tag_id, now)
    flash(visit, "The tag is deleted.")
    return Redirect(path_of("tags", member))


@manage.get("/settings/addresses", area="settings")
async def addresses(db: Db, member: Member) -> View:
    """Show the addresses that are banned or allowed."""
    values = {
        "addresses": await queries.watched_addresses(db, member.account.id),
        "campaigns": await campaign_choices(db, member),
    }
    return setting("addresses", member, values)


@manage.post("/settings/addresses", area="settings")
async def address_save(db: Db, member: Member, visit: Visit, form: AddressEntry, now: datetime) -> Redirect:
    """Ban or allow an address."""
    await identifiers.save_address(db, member.account.id, form, now)
    flash(visit, "The address is saved.")
    return Redirect(path_of("addresses", member))


@manage.post("/settings/addresses/delete", area="settings")
async def address_delete(db: Db, member: Member, visit: Visit, form: AddressEntry, now: datetime) -> Redirect:
    """Take an address from the list."""
    await identifiers.delete_address(db, member.account.id, form, now)
    flash(visit, "The address is off the list.")
    return Redirect(path_of("addresses", member))


@manage.get("/settings/words", area="settings")
async def words(db: Db, member: Member) -> View:
    """Show the words that the account allows or refuses in display names."""
    return setting("words", member, {"words": await queries.name_words(db, member.account.id)})


@manage.post("/settings/words", area="settings")
async def word_save(db: Db, member: Member, visit: Visit, form: NameWordEntry, now: datetime) -> Redirect:
    """Allow or refuse a word."""
    await names.save_word(db, member.account.id, form.word, now, is_allowed=form.is_allowed)
    flash(visit, "The word is saved.")
    return Redirect(path_of("words", member))


@manage.post("/settings/words/delete", area="settings")
async def word_delete(db: Db, member: Member, visit: Visit, form: OneNameWord, now: datetime) -> Redirect:
    """Take a word from the list."""
    await names.delete_word(db, member.account.id, form.word, now)
    flash(visit, "The word is off the list.")
    return Redirect(path_of("words", member))
