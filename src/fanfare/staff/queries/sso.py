"""Reads the single sign-on of an account."""

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.running.public_address import public_address
from fanfare.staff.schemas.sso import StaffSso

CALLBACK, SIGN_IN = "/manage/sso/callback", "/manage/sign_in"
SSO = """
    select issuer, client_id as sso_client_id, sealed_secret is not null as has_client_secret, email_domains,
           role_claim, claim_roles, default_role, is_enabled, is_forced,
           floor(extract(epoch from updated_at))::bigint as last_update_timestamp
    from staff_sign_ons where account_id = $1
"""


async def find_sso(db: Db, account_id: int) -> StaffSso | None:
    """Return the single sign-on of an account, if it has one."""
    row = await db.row(SSO, account_id)
    if row is None:
        return None
    base = public_address.base
    return StaffSso(
        **row, sign_in_url=f"{base}/manage/sso/{account_id}", redirect_uri=f"{base}{CALLBACK}",
        sign_out_redirect_uri=f"{base}{SIGN_IN}",
    )  # fmt: skip


async def sso_of(db: Db, account_id: int) -> StaffSso:
    """Return the single sign-on of an account; Unknown (404) if it has none."""
    sso = await find_sso(db, account_id)
    if sso is None:
        message = "The account has no single sign-on"
        raise Unknown(message)
    return sso


async def enabled_sso(db: Db, account_id: int) -> StaffSso:
    """Return the single sign-on with which people can sign in; Unknown (404) if the account has none."""
    sso = await find_sso(db, account_id)
    if sso is None or not sso.is_enabled:
        message = "The account has no single sign-on"
        raise Unknown(message)
    return sso


async def sealed_secret(db: Db, account_id: int) -> str | None:
    """Return the client secret as it is sealed."""
    secret: str | None = await db.value("select sealed_secret from staff_sign_ons where account_id = $1", account_id)
    return secret
