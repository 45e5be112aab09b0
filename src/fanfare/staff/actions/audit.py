"""Of what the audit log notes the row before and after a change, and who acts on pages."""

from fanfare.kernel.data.audit import Actor, AuditLog, Subject
from fanfare.kernel.pages.page import Visit
from fanfare.staff.schemas.members import Member


def _subject(parameter: str, table: str, columns: str, *, key: str = "", kind: str = "bigint") -> Subject:
    """Return what is noted of a table whose key (`key` if the parameter has another name) is of this type."""
    statement = f"""
        select to_jsonb(r) from (
            select {columns} from {table} where account_id = $1 and {key or parameter} = $2::text::{kind}
        ) as r
    """  # noqa: S608 - constants
    return Subject(parameter, statement)


# What an account is, whichever of its fields are named.
ACCOUNT = """
    select to_jsonb(r) from (
        select time_zone, currency, country_code from accounts where account_id = $1 and $2::text is not null
    ) as r
"""
# No column with a secret, a hash or personal data of fans.
SUBJECTS = (
    _subject(
        "business_id",
        "businesses",
        "business_name, legal_rules, legal_terms, legal_privacy, media_map, scheduler_props, locale_props, style_props",
    ),
    _subject("page_tab_id", "campaigns", "title, app_type, business_id, is_active, starts_at, ends_at, closed_at"),
    # The hash of the seed is what a draw commits itself to.
    _subject(
        "draw_uid",
        "draws",
        "page_tab_id, draw_number, draw_state, winner_count, reserve_count, entry_rule, starts_at, ends_at,"
        " is_staff_excluded, winners_excluded, is_blocked_excluded, encode(seed_hash, 'hex') as seed_hash,"
        " encode(list_hash, 'hex') as list_hash, entrant_count",
        kind="uuid",
    ),
    # Of the criteria the names: a value can name a fan.
    _subject(
        "filter_uid",
        "filters",
        "filter_name, group_name, is_active, array(select jsonb_object_keys(criteria) order by 1) as criteria",
        kind="uuid",
    ),
    _subject("snapshot_uid", "snapshots", "snapshot_name, made_from", kind="uuid"),
    _subject("tag_id", "tags", "tag_name"),
    _subject("crm_field_key", "crm_fields", "field_type, field_options, is_active, is_global", kind="text"),
    _subject("managed_key", "api_keys", "key_name, scopes, rate_limit, revoked_at", key="api_key", kind="uuid"),
    _subject("staff_id", "staff_memberships", "role, custom_rights, business_ids"),
    _subject("invitation_id", "staff_invitations", "role, custom_rights, business_ids, expires_at"),
    _subject("webhook_id", "webhooks", "url, topics, business_id, filter_uid, description, payload_format, is_enabled"),
    _subject("report_uid", "reports", "report_name, report_type, start_date, end_date, business_id", kind="uuid"),
    _subject("redirect_url_id", "redirect_urls", "redirect_url, business_id"),
    _subject("client_id", "openid_clients", "client_name, client_type, redirect_uris, scopes, is_pkce_required"),
    _subject(
        "template_id",
        "message_templates",
        "template_name, channel, template_language, business_id, subject, text_body, html_body",
    ),
    _subject(
        "sender_id", "message_senders", "business_id, from_name, from_address, reply_to, sms_sender, confirmed_at"
    ),
    _subject("passkey_origin_id", "passkey_origins", "origin, rp_id"),
    Subject("currency", ACCOUNT),
    Subject("country_code", ACCOUNT),
    _subject("retention_kind", "retention_periods", "retention_days", kind="text"),
)  # fmt: skip
audit_log = AuditLog(SUBJECTS)


def actor_of(member: Member, visit: Visit) -> Actor:
    """Return the person of a page as the log names them."""
    return Actor("staff", str(member.person.staff_id), member.person.email, visit.address)
