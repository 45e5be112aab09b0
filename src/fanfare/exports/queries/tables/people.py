"""Tables about fans."""

from collections.abc import Mapping

from fanfare.exports.queries.tables.table import Table, columns

PEOPLE: Mapping[str, Table] = {
    "fans": Table(
        "fan_id",
        "fans t",
        columns(
            "fan_id; *email; *phone; *add_phone; *first_name; *last_name; *display_name; *gender; birth_date;"
            "*country_code; *province; *city; *postal_code; *metro_area; latitude; longitude; *ip_address;"
            "*image_url; *fan_source; rating;"
            # Empty, not false, for fans who never said anything.
            "is_subscribed=case when t.email_word_at is not null then t.is_subscribed end;"
            "is_phone_subscribed=case when t.phone_word_at is not null then t.is_phone_subscribed end;"
            "is_optout=case when t.optout_word_at is not null then t.is_optout end; is_confirmed; is_phone_confirmed;"
            "*fields=(select jsonb_object_agg(v.crm_field_key, v.field_value) from fan_fields v"
            " where v.account_id = $1 and v.fan_id = t.fan_id)::text;"
            "creation_timestamp=t.created_at; last_update_timestamp=t.updated_at"
        ),
        order="id",
    ),
    "consents": Table(
        "consent_id",
        "consents t",
        columns(
            "consent_id; fan_id; *channel; business_id; is_granted; *consent_wording=t.wording; *consent_source;"
            "*ip_address; consent_timestamp=t.given_at; is_undated"
        ),
    ),
    "identifiers": Table(
        "fan_id",
        "fan_identifiers t",
        columns("fan_id; *network; *identifier_value; creation_timestamp=t.created_at"),
        order="fan",
    ),
    "tag_members": Table(
        "fan_id",
        "fan_tags t join tags g on g.account_id = $1 and g.tag_id = t.tag_id",
        columns("fan_id; *tag_name=g.tag_name; creation_timestamp=t.created_at"),
        order="fan",
    ),
    "fan_idols": Table(
        "fan_id",
        "fan_idols t join idols i on i.account_id = $1 and i.idol_uid = t.idol_uid",
        columns("fan_id; *idol_name=i.idol_name; idol_uid=t.idol_uid; is_explicit;creation_timestamp=t.created_at"),
        order="fan",
    ),
    "opt_ins": Table(
        "fan_id",
        "fan_businesses t join businesses b on b.account_id = $1 and b.business_id = t.business_id",
        columns(
            "fan_id; business_id=t.business_id; *business_name=b.business_name; is_opted_in;"
            "last_update_timestamp=t.updated_at"
        ),
        order="fan",
    ),
    "snapshot_members": Table(
        "fan_id",
        "snapshot_members t join snapshots s on s.account_id = $1 and s.snapshot_uid = t.snapshot_uid",
        columns("fan_id; snapshot_uid=t.snapshot_uid; *snapshot_name=s.snapshot_name"),
        order="fan",
    ),
    "merges": Table(
        "merge_id",
        "fan_merges t",
        columns(
            "merge_id; fan_id; merged_fan_id=t.absorbed_id; *merge_source; merge_timestamp=t.merged_at;"
            "unmerge_timestamp=t.undone_at"
        ),
    ),
    "messages": Table(
        "message_id",
        "messages t",
        columns(
            "message_id; fan_id; *channel; *template_name; *message_language; business_id; *recipient;"
            "*message_state; creation_timestamp=t.created_at; sent_timestamp=t.sent_at;"
            "bounce_timestamp=t.bounced_at"
        ),
    ),
    "suppressions": Table(
        "suppression_id",
        "suppressions t",
        columns("suppression_id; *channel; *address; *suppression_reason; message_id;creation_timestamp=t.created_at"),
    ),
}
