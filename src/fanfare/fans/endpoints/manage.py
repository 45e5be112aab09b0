"""HTTP endpoints that manage custom fields, tags, identities, consents and display name words."""

from datetime import datetime

from fanfare.fans.actions import fields, identifiers, names, tags, visibility
from fanfare.fans.queries import attributes as queries
from fanfare.fans.schemas.attributes import (
    Consent,
    DeviceToken,
    Field,
    FieldDefinition,
    FieldSaved,
    IdentifierChange,
    NameWord,
    NameWordEntry,
    NewTag,
    OneField,
    OneNameWord,
    OnePushToken,
    OneTag,
    Tag,
    TagChange,
    TagChanged,
    TagSaved,
    Visibility,
    VisibilitySaved,
)
from fanfare.fans.schemas.fans import FanSaved, OneFan
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint


@endpoint.get("/api/v1/manage/fields", scope="manage", key=SECRET)
async def manage_fields_list(db: Db, account: Account) -> list[Field]:
    """List the custom fields with the number of fans who have a value in each."""
    return await queries.fields(db, account.id, with_counts=True)


@endpoint.post("/api/v1/manage/fields", scope="manage", key=SECRET)
async def manage_fields_save(db: Db, account: Account, params: FieldDefinition, now: datetime) -> FieldSaved:
    """Define a custom field or update it; its type cannot change while fans have values in it."""
    await fields.save_field(db, account.id, params, now)
    return FieldSaved(params.crm_field_key)


@endpoint.delete("/api/v1/manage/fields/{crm_field_key}", scope="manage", key=SECRET)
async def manage_fields_delete(db: Db, account: Account, target: OneField, now: datetime) -> bool:
    """Delete a custom field with the values of all fans; deactivate it to keep them."""
    await fields.delete_field(db, account.id, target.crm_field_key, now)
    return True


@endpoint.get("/api/v1/manage/tags", scope="manage", key=SECRET)
async def manage_tags_list(db: Db, account: Account) -> list[Tag]:
    """List the tags with the number of fans who have each."""
    return await queries.tags(db, account.id)


@endpoint.post("/api/v1/manage/tags", scope="manage", key=SECRET)
async def manage_tags_create(db: Db, account: Account, new: NewTag, now: datetime) -> TagSaved:
    """Create a tag; a tag that exists is returned as it is."""
    return TagSaved(await tags.create_tag(db, account.id, new.tag_name, now))


@endpoint.delete("/api/v1/manage/tags/{tag_id}", scope="manage", key=SECRET)
async def manage_tags_delete(db: Db, account: Account, target: OneTag, now: datetime) -> bool:
    """Delete a tag; its fans lose it."""
    await tags.delete_tag(db, account.id, target.tag_id, now)
    return True


@endpoint.post("/api/v1/manage/tags/fans", scope="manage", key=SECRET)
async def manage_tags_fans(db: Db, account: Account, change: TagChange, now: datetime) -> TagChanged:
    """Add a tag to up to 10,000 fans or remove it, by fan id or email.

    Every entry gets a status: added, removed, unchanged or unknown. An unknown fan does not affect the others.
    """
    return await tags.change_tag(db, account.id, change, now)


@endpoint.get("/api/v1/manage/fans/{fan_id}/consents", scope="manage", key=SECRET)
async def manage_fans_consents(db: Db, account: Account, target: OneFan) -> list[Consent]:
    """List the consent history of a fan, the oldest first: channel, wording, source, address and time."""
    return await queries.consents(db, account.id, target.fan_id)


@endpoint.get("/api/v1/manage/fans/{fan_id}/push_tokens", scope="manage", key=SECRET)
async def manage_fans_push_tokens(db: Db, account: Account, target: OneFan) -> list[DeviceToken]:
    """List the push tokens of a fan's devices, the oldest first."""
    return await queries.push_tokens(db, account.id, target.fan_id)


@endpoint.delete("/api/v1/manage/push_tokens", scope="manage", key=SECRET)
async def manage_push_tokens_delete(db: Db, account: Account, target: OnePushToken, now: datetime) -> bool:
    """Delete the push token of a device, as when its user logs out or the platform says that it has ended."""
    await identifiers.delete_push_token(db, account.id, target, now)
    return True


@endpoint.post("/api/v1/manage/fans/{fan_id}/identifiers", scope="manage", key=SECRET, is_routine=True)
async def manage_fans_identifiers_add(db: Db, account: Account, change: IdentifierChange, now: datetime) -> FanSaved:
    """Add an external identity to a fan; 409 when another fan has it."""
    await identifiers.add_identifier(db, account.id, change, now)
    return FanSaved(change.fan_id)


@endpoint.delete("/api/v1/manage/fans/{fan_id}/identifiers", scope="manage", key=SECRET)
async def manage_fans_identifiers_delete(db: Db, account: Account, change: IdentifierChange, now: datetime) -> bool:
    """Remove an external identity of a fan."""
    await identifiers.remove_identifier(db, account.id, change, now)
    return True


@endpoint.get("/api/v1/manage/display_name_words", scope="manage", key=SECRET)
async def manage_display_name_words_list(db: Db, account: Account) -> list[NameWord]:
    """List the words the account allows or refuses in display names, beside the built-in list."""
    return await queries.name_words(db, account.id)


@endpoint.post("/api/v1/manage/display_name_words", scope="manage", key=SECRET)
async def manage_display_name_words_save(db: Db, account: Account, change: NameWordEntry, now: datetime) -> bool:
    """Allow or refuse a word in display names."""
    await names.save_word(db, account.id, change.word, now, is_allowed=change.is_allowed)
    return True


@endpoint.delete("/api/v1/manage/display_name_words", scope="manage", key=SECRET)
async def manage_display_name_words_delete(db: Db, account: Account, target: OneNameWord, now: datetime) -> bool:
    """Remove a word from the list."""
    await names.delete_word(db, account.id, target.word, now)
    return True


@endpoint.post("/api/v1/manage/fans/{fan_id}/visibility", scope="manage", key=SECRET)
async def manage_fans_visibility(db: Db, account: Account, change: Visibility, now: datetime) -> VisibilitySaved:
    """Hide a fan from public leaderboards and lists, or show the fan again."""
    await visibility.set_visibility(db, account.id, change.fan_id, now, is_hidden=change.is_hidden)
    return VisibilitySaved(change.fan_id, change.is_hidden)
