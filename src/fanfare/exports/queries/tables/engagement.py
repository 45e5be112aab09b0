"""Tables about what fans do."""

from collections.abc import Mapping

from fanfare.exports.queries.tables.table import Table, columns

ENGAGEMENT: Mapping[str, Table] = {
    "activities": Table(
        "activity_id",
        "activities t left join campaigns c on c.account_id = $1 and c.page_tab_id = t.page_tab_id",
        columns(
            "activity_id; fan_id; page_tab_id; *campaign_title=c.title; *app_type=c.app_type; *ip_address; *user_key;"
            "*details=t.props::text; creation_timestamp=t.created_at"
        ),
    ),
    "points": Table(
        "fan_point_id",
        "fan_points t left join points p on p.account_id = $1 and p.point_uid = t.point_uid",
        columns(
            "fan_point_id; fan_id; *point_name=p.point_name; point_count; *point_type; *point_source; page_tab_id;"
            "*award_key; creation_timestamp=t.created_at"
        ),
    ),
    "campaigns": Table(
        "page_tab_id",
        "campaigns t",
        columns(
            "page_tab_id; *campaign_title=t.title; *app_type; business_id; *stream_key; is_active;"
            "start_timestamp=t.starts_at; end_timestamp=t.ends_at; close_timestamp=t.closed_at;"
            "winner_fan_id; creation_timestamp=t.created_at; last_update_timestamp=t.updated_at"
        ),
        order="id",
    ),
    "wagers": Table(
        "wager_id",
        "wagers t",
        columns(
            "wager_id; fan_id; page_tab_id; tab_item_id; item_count; point_count; *details=t.props::text;"
            "creation_timestamp=t.created_at"
        ),
    ),
    "campaign_events": Table(
        "event_id",
        "campaign_events t",
        columns("event_id; fan_id; page_tab_id; *target; *details=t.props::text; creation_timestamp=t.occurred_at"),
    ),
    "point_categories": Table(
        "point_uid uuid",
        "points t",
        columns("point_uid; *point_name; *description; is_active; creation_timestamp=t.created_at"),
        order="keys",
    ),
    "performances": Table(
        "performance_uid uuid",
        "performances t",
        columns(
            "performance_uid; *performance_name; performance_date; *status; *venue_name; *city; *province;"
            "*country_code; *metro_area; *promoter; *artist_name; *campaign_event_key; business_id;"
            "creation_timestamp=t.created_at; last_update_timestamp=t.updated_at"
        ),
        order="keys",
    ),
    "quest_progresses": Table(
        "fan_id",
        "quest_progresses t",
        columns("fan_id; page_tab_id; progress_count; completion_timestamp=t.completed_at"),
        order="fan",
    ),
    "reward_claims": Table(
        "reward_claim_id",
        "reward_claims t join rewards r on r.account_id = $1 and r.reward_uid = t.reward_uid",
        columns(
            "reward_claim_id; fan_id; reward_uid=t.reward_uid; *reward_title=r.reward_title; point_count;"
            "*claim_key; creation_timestamp=t.created_at; undo_timestamp=t.undone_at"
        ),
    ),
    "idols": Table(
        "idol_uid uuid",
        "idols t",
        columns(
            "idol_uid; *idol_name; *idol_type; *spotify_uid; *description; *image_url; *link_url;"
            "creation_timestamp=t.created_at; last_update_timestamp=t.updated_at"
        ),
        order="keys",
    ),
    "stream_records": Table(
        "feed_record_id",
        "stream_records t",
        columns(
            "feed_record_id; stream_id; fan_id; *network; *record_key; *record_status; *caption;"
            "*record_url; *image_url; *video_url; latitude; longitude; reach;"
            "creation_timestamp=t.created_at; approval_timestamp=t.approved_at"
        ),
    ),
}
