"""Tables of an account that no export writes, with the reason; a rule holds that each table is exported, or is here."""

from collections.abc import Mapping

REASONS: Mapping[str, tuple[str, ...]] = {
    "keys, secrets and sessions: who has the file could act for others": (
        "api_keys", "api_secrets", "api_key_uses", "openid_clients", "openid_client_secrets", "openid_keys",
        "openid_tokens", "openid_grants", "identity_providers", "webhooks", "webhook_secrets", "shopify_shops",
        "storages", "stream_sources", "passkeys", "passkey_origins", "password_resets", "reset_requests", "login_codes",
        "sessions", "used_tokens", "push_tokens", "answered_challenges", "reward_codes", "ended_pass_codes", "portals",
    ),
    "what was erased, or leads to it": (
        "erased_identities", "erasures", "erasure_keys", "erasure_requests", "erasure_settings", "hidden_fans",
        "merged_rows",
    ),
    "work of the server, which means nothing elsewhere": (
        "attempts", "change_trims", "faults", "file_parts", "fan_jobs", "fan_job_chunks", "idempotency_keys",
        "searches", "search_chunks", "audience_indexes", "rating_progress", "segment_progress", "filter_states",
        "webhook_progress", "webhook_deliveries", "zone_changes",
        "imports", "import_batches", "import_faults", "import_fetches",
        "exports", "export_deliveries", "export_objects", "export_schedules",
        "account_moves", "move_fields", "move_tables", "moved_rows", "moved_fans",
        "verifications", "audit_heads", "rate_windows",
    ),
    "figures that are counted from rows of other tables": (
        "campaign_views", "campaign_members", "fan_activity", "standings", "standing_buckets", "segment_days",
        "stream_days", "stream_slices", "stream_author_counts", "prop_counts", "tracker_click_days",
        "tracker_sale_days", "draw_entrants",
    ),
    "a file or a feed of its own has it": ("changes", "audit_entries", "fan_fields"),
    "set-up of this installation, which calls return": (
        "reports", "report_links", "message_templates", "display_name_words", "ip_addresses", "redirect_urls",
        "tracker_domains", "tracker_settings", "tracker_shares", "idol_labels", "quest_requirements",
        "stream_pictures", "ad_project_lines", "message_senders", "retention_periods",
    ),
    "who a fan is at other services, which the fan's own file has": (
        "fan_identities", "openid_consents", "shared_identifiers",
    ),
    "people who work here, not fans": (
        "staff_invitations", "staff_memberships", "staff_sessions", "staff_sign_ons",
    ),
}  # fmt: skip
NOT_EXPORTED: Mapping[str, str] = {name: reason for reason, names in REASONS.items() for name in names}
