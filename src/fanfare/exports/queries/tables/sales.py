"""Tables about sales, attendance and links."""

from collections.abc import Mapping

from fanfare.exports.queries.tables.table import Table, columns

SALES: Mapping[str, Table] = {
    "tickets": Table(
        "ticket_id",
        "tickets t join ticket_events e on e.account_id = $1 and e.event_uid = t.event_uid",
        columns(
            "ticket_id; fan_id; *network; *ticket_key; *event_key=e.event_key; *event_name=e.event_name;"
            "event_date=e.event_date; *venue_name=e.venue_name; *artist_name=e.artist_name; num_seats; paid_amount;"
            "*currency; *order_key; *customer_key; *price_code; is_deleted; purchase_timestamp=t.purchased_at;"
            "creation_timestamp=t.created_at"
        ),
    ),
    "purchases": Table(
        "purchase_id",
        "purchases t",
        columns(
            "purchase_id; fan_id; *network; *purchase_key; *order_key; *merchant_key; *location_key; *customer_key;"
            "*product_key; *product_name; *product_category; gross_sale_amount; net_sale_amount; deduction_amount;"
            "*currency; quantity; *email; *phone; *country_code; *province; *city; purchase_timestamp=t.ordered_at;"
            "creation_timestamp=t.created_at"
        ),
    ),
    "registrations": Table(
        "registration_id",
        "registrations t",
        columns(
            "registration_id; fan_id; *network; *registration_key; *event_name; event_date; *event_key; *venue_name;"
            "*order_key; *ticket_key; *first_name; *last_name; *email; *phone; birth_date; *address; *city; *province;"
            "*country_code; *postal_code; registration_timestamp=t.registered_at; creation_timestamp=t.created_at"
        ),
    ),
    "ticket_events": Table(
        "event_uid uuid",
        "ticket_events t",
        columns(
            "event_uid; *network; *event_key; *event_name; event_date; *venue_name; *venue_province;"
            "*artist_name; *label_name; *event_type; creation_timestamp=t.created_at;"
            "last_update_timestamp=t.updated_at"
        ),
        order="keys",
    ),
    "scans": Table(
        "scan_key",
        "scans t",
        columns(
            "scan_key; *network; *source_key; *scan_group_name; scan_timestamp=t.scanned_at; is_success;"
            "*refusal; *access_mode; *site_name; *node_name; *zone_name; *registration_key;"
            "*ticket_order_key; *barcode; *event_key; *event_name; event_date; *venue_name; pass_uid"
        ),
    ),
    "passes": Table(
        "pass_id",
        "passes t",
        columns(
            "pass_uid; fan_id; claim_fan_id; page_tab_id; section_uid; *event_key; *gate_name;"
            "claim_timestamp=t.claimed_at; transfer_timestamp=t.transferred_at;"
            "cancel_timestamp=t.cancelled_at; check_in_timestamp=t.checked_in_at;"
            "creation_timestamp=t.created_at"
        ),
    ),
    "products": Table(
        "product_id",
        "products t",
        columns(
            "product_id; *network; *product_key; *product_name; *product_category; *product_url; *image_url;"
            "price; *currency; is_active; creation_timestamp=t.created_at; last_update_timestamp=t.updated_at"
        ),
    ),
    "trackers": Table(
        "tracker_id",
        "trackers t",
        columns(
            "tracker_id; *host; *tracker_key; *tracker_name; *tracker_group_name; *network; *target_url;"
            "page_tab_id; expires_timestamp=t.expires_at; creation_timestamp=t.created_at;"
            "last_update_timestamp=t.updated_at"
        ),
        order="id",
    ),
    "tracker_clicks": Table(
        "click_id",
        "tracker_clicks t",
        columns(
            "click_id; tracker_id; fan_id; visitor_uid; click_timestamp=t.clicked_at; *verdict; *reason;"
            "is_repeated; *ip_address; *user_agent"
        ),
    ),
    "sales": Table(
        "event_id",
        "tracker_events t",
        columns(
            "tracker_event_uid; fan_id; tracker_id; click_id; *event_source; *purchase_event_name;"
            "purchase_amount; *currency; quantity; *order_key; *network; *purchase_key; ticket_id;"
            "is_clicked; is_returned; *host_name; *device_type; *province; *country_code;"
            "creation_timestamp=t.created_at"
        ),
    ),
    "ad_days": Table(
        "figure_date date; network text; ad_account_key text; campaign_key text; ad_key text",
        "ad_days t",
        columns(
            "figure_date; *network; *ad_account_key; *campaign_key; *ad_key; *campaign_name; *currency;"
            "spend; impressions; clicks; conversion_count; conversion_amount"
        ),
        order="keys",
    ),
}
