"""Tables that an account sets up, and who is in its segments."""

from collections.abc import Mapping

from fanfare.exports.queries.tables.table import Table, columns

SETUP: Mapping[str, Table] = {
    "businesses": Table(
        "business_id",
        "businesses t",
        columns(
            "business_id; *business_name; *legal_rules; *legal_terms; *legal_privacy;"
            "creation_timestamp=t.created_at; last_update_timestamp=t.updated_at"
        ),
        order="id",
    ),
    "tags": Table("tag_id", "tags t", columns("tag_id; *tag_name; creation_timestamp=t.created_at"), order="id"),
    "fields": Table(
        "crm_field_key text",
        "crm_fields t",
        columns(
            "*crm_field_key; *field_type; *field_options=t.field_options::text; is_active; is_global;"
            "creation_timestamp=t.created_at; last_update_timestamp=t.updated_at"
        ),
        order="keys",
    ),
    "filters": Table(
        "filter_id",
        "filters t",
        columns(
            "filter_uid; *filter_name; *group_name; *criteria=t.criteria::text; is_active;"
            "creation_timestamp=t.created_at; last_update_timestamp=t.updated_at"
        ),
        order="id",
    ),
    "segment_members": Table(
        "filter_id bigint; fan_id bigint",
        "segment_members t join filters s on s.account_id = $1 and s.filter_id = t.filter_id",
        columns("fan_id; filter_uid=s.filter_uid; *filter_name=s.filter_name; entry_timestamp=t.entered_at"),
        order="keys",
    ),
    "segment_stays": Table(
        "filter_id bigint; fan_id bigint; entered_at timestamptz",
        "segment_stays t join filters s on s.account_id = $1 and s.filter_id = t.filter_id",
        columns(
            "fan_id; filter_uid=s.filter_uid; *filter_name=s.filter_name; entry_timestamp=t.entered_at;"
            "exit_timestamp=t.left_at"
        ),
        order="keys",
    ),
    "snapshots": Table(
        "snapshot_uid uuid",
        "snapshots t",
        columns("snapshot_uid; *snapshot_name; *made_from; creation_timestamp=t.created_at"),
        order="keys",
    ),
    "campaign_items": Table(
        "tab_item_id",
        "campaign_items t",
        columns(
            "tab_item_id; page_tab_id; *item_title=t.title; *subtitle; *description; place; active_date=t.active_on;"
            "*item_group_name; price; item_count; items_purchased; latitude; longitude; *details=t.props::text;"
            "creation_timestamp=t.created_at; last_update_timestamp=t.updated_at"
        ),
        order="id",
    ),
    "quests": Table(
        "page_tab_id",
        "quests t",
        columns(
            "page_tab_id; performance_uid; *quest_type; target_page_tab_id; *site_name; *site_key; *link_url;"
            "is_required; *access_restriction_type; fan_points_required; point_uid; *reward_type; fan_points_reward;"
            "*button_text; *quest_description; start_date; end_date; start_timestamp=t.starts_at;"
            "end_timestamp=t.ends_at; target_count; creation_timestamp=t.created_at"
        ),
        order="id",
    ),
    "rewards": Table(
        "reward_uid uuid",
        "rewards t",
        columns(
            "reward_uid; performance_uid; *reward_title; *reward_type; fan_points_required; point_uid; stock;"
            "claim_limit; *code_type; claim_count; creation_timestamp=t.created_at"
        ),
        order="keys",
    ),
    "draws": Table(
        "draw_id",
        "draws t",
        columns(
            "draw_uid; page_tab_id; draw_number; *draw_name; *draw_state; winner_count; reserve_count; *entry_rule;"
            "entry_count; entrant_count; *list_hash=encode(t.list_hash, 'hex'); creation_timestamp=t.created_at;"
            "completion_timestamp=t.completed_at"
        ),
    ),
    "draw_winners": Table(
        "draw_id bigint; winner_number integer",
        "draw_winners t join draws d on d.account_id = $1 and d.draw_id = t.draw_id",
        columns(
            "draw_uid=d.draw_uid; page_tab_id=d.page_tab_id; winner_number; *winner_kind; activity_id; fan_id; *reason;"
            "creation_timestamp=t.created_at"
        ),
        order="keys",
    ),
    "idol_events": Table(
        "event_uid uuid",
        "idol_events t",
        columns(
            "event_uid; idol_uid; performance_uid; *event_name; start_timestamp=t.starts_at; end_timestamp=t.ends_at;"
            "*venue_name; *city; *province; *country_code; *event_url; *ticket_url; is_available;"
            "creation_timestamp=t.created_at; last_update_timestamp=t.updated_at"
        ),
        order="keys",
    ),
    "streams": Table(
        "stream_id",
        "streams t",
        columns(
            "stream_id; *stream_key; *stream_name; *trust_level; is_public; retention_days;"
            "creation_timestamp=t.created_at; last_update_timestamp=t.updated_at; deletion_timestamp=t.deleted_at"
        ),
        order="id",
    ),
    "stream_authors": Table(
        "author_id",
        "stream_authors t",
        columns(
            "author_id; stream_id; *network; *screen_name; *author_name; *author_url; *author_status; fan_id;"
            "creation_timestamp=t.created_at"
        ),
        order="id",
    ),
    "accepted_terms": Table(
        "fan_id",
        "accepted_terms t",
        columns(
            "fan_id; business_id; *terms_hash=encode(t.terms_hash, 'hex'); *ip_address;"
            "acceptance_timestamp=t.accepted_at"
        ),
        order="fan",
    ),
    "fan_events": Table(
        "fan_id", "fan_events t", columns("fan_id; event_uid; creation_timestamp=t.created_at"), order="fan"
    ),
    "fan_performances": Table(
        "fan_id",
        "fan_performances t",
        columns("fan_id; performance_uid; creation_timestamp=t.created_at"),
        order="fan",
    ),
    "pass_sections": Table(
        "section_uid uuid",
        "pass_sections t",
        columns("section_uid; page_tab_id; *section_name; capacity; pass_count; creation_timestamp=t.created_at"),
        order="keys",
    ),
    "ad_projects": Table(
        "project_uid uuid",
        "ad_projects t",
        columns("project_uid; *project_name; business_id; creation_timestamp=t.created_at"),
        order="keys",
    ),
    "props": Table(
        "prop_name text",
        "props t",
        columns(
            "*prop_name; *content=t.content::text; creation_timestamp=t.created_at; last_update_timestamp=t.updated_at"
        ),
        order="keys",
    ),
}
