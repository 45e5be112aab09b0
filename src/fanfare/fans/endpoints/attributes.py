"""HTTP endpoints of identities, custom fields, display names, IP addresses and push tokens."""

from datetime import datetime

from fanfare.fans.actions import identifiers, names
from fanfare.fans.queries import attributes as queries
from fanfare.fans.schemas.attributes import (
    AddressEntry,
    AddressSaved,
    Field,
    Identifier,
    NameCheck,
    PushToken,
    UsableName,
    WatchedAddress,
)
from fanfare.fans.schemas.fans import OneFan
from fanfare.kernel import addresses
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint


@endpoint.get("/api/v1/crm/fans/{fan_id}/identifiers", scope="crm", key=SECRET)
async def crm_fan_identifiers_list(db: Db, account: Account, target: OneFan) -> list[Identifier]:
    """List the external identities (network plus value) of a fan, the oldest first."""
    return await queries.identifiers(db, account.id, target.fan_id)


@endpoint.get("/api/v1/crm/fields", scope="crm", key=SECRET)
async def crm_fields_list(db: Db, account: Account) -> list[Field]:
    """List the custom fields defined on the account."""
    return await queries.fields(db, account.id)


@endpoint.get("/api/v1/crm/display_name", scope="crm", key=SECRET)
async def crm_display_name_check(db: Db, account: Account, params: NameCheck) -> UsableName:
    """Test a display name: return a usable one, altered when the name is taken; 422 when it is not allowed."""
    return UsableName(await names.usable_name(db, account, params.display_name))


@endpoint.get("/api/v1/crm/ip_addresses", scope="crm", key=SECRET)
async def crm_ip_addresses_list(db: Db, account: Account) -> list[WatchedAddress]:
    """List the IP addresses that are banned or explicitly allowed."""
    return await queries.watched_addresses(db, account.id)


@endpoint.post("/api/v1/crm/ip_addresses", scope="crm", key=SECRET)
async def crm_ip_addresses_save(db: Db, account: Account, change: AddressEntry, now: datetime) -> AddressSaved:
    """Ban or allow an address or CIDR range for the account, or for one campaign only.

    A banned address cannot write through public calls. A campaign's entry takes precedence over the account's, and a
    narrower range over a wider one.
    """
    await identifiers.save_address(db, account.id, change, now)
    return AddressSaved(change.page_tab_id, addresses.network_text(change.ip_address))


@endpoint.delete("/api/v1/crm/ip_addresses", scope="crm", key=SECRET)
async def crm_ip_addresses_delete(db: Db, account: Account, change: AddressEntry, now: datetime) -> bool:
    """Remove a ban or allow entry."""
    await identifiers.delete_address(db, account.id, change, now)
    return True


@endpoint.post("/api/v1/yinzcam/push_tokens", scope="misc", key=SECRET)
async def yinzcam_push_tokens_save(db: Db, account: Account, params: PushToken, now: datetime) -> bool:
    """Store a device push token for a YinzCam app user."""
    await identifiers.save_push_token(db, account.id, params, now)
    return True
