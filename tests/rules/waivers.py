"""Where a rule does not hold, and why. Reasons come from the closed list; a waiver that nothing needs is a fault."""

from collections.abc import Iterable
from enum import StrEnum


class Reason(StrEnum):
    """Why a rule may be broken in one named place."""

    REFERENCE = "a reference table: small, the same in every database"
    FINDS_ACCOUNT = "read before the account is known: this is how it is found"
    PERSON = "belongs to a person of several accounts"
    HOUSEKEEPING = "work on all accounts at once, outside any call"
    BOUND = "an id that bounds what was there at a moment, and means no one"
    UNCOUNTABLE = "a word without a plural"
    ASCII = "a code of letters and digits, or what becomes one"
    CONTACT = "the normal form of email addresses and countries of numbers"
    DISGUISES = "display names are read for the words that they hide"
    DIVIDED = "the folder that the contract names was divided since"
    AWAITED = "whoever starts it awaits it, and has what it raises"
    ON_THE_WIRE = "a word of the wire"
    SQL_PART = "a part of a statement, by the name that the statement gives it"
    CRITERIA = "conditions of criteria, which are constants; their values are arguments"
    COLUMNS = "names of tables and columns of the schema"
    CALLERS_PART = "a part of statements, for callers that name constants"
    ORDER = "the order of a list, one of two words"
    ONE_STATEMENT = "one SQL statement, which is read as a whole"


# A table that no account owns, or a unique index that does not begin with the account.
TABLES: dict[str, Reason] = {
    "accounts": Reason.REFERENCE,
    "places_census": Reason.REFERENCE,
    "places_loads": Reason.REFERENCE,
    "places_metro_areas": Reason.REFERENCE,
    "places_metro_overrides": Reason.REFERENCE,
    "places_postal_codes": Reason.REFERENCE,
    "staff": Reason.PERSON,
    "staff_links": Reason.PERSON,
    "staff_passkeys": Reason.PERSON,
    "staff_recovery_codes": Reason.PERSON,
    "staff_sessions": Reason.PERSON,
}
INDEXES: dict[str, Reason] = {
    "api_keys_by_key": Reason.FINDS_ACCOUNT,
    "api_secrets_by_hash": Reason.FINDS_ACCOUNT,
    "tracker_domains_confirmed": Reason.FINDS_ACCOUNT,
    "trackers_by_shared_key": Reason.FINDS_ACCOUNT,
    "staff_invitations_by_token": Reason.FINDS_ACCOUNT,
    "streams_by_key": Reason.FINDS_ACCOUNT,
}
# A function whose SQL may leave out the account: `path:function`.
STATEMENTS: dict[str, Reason] = {
    "src/fanfare/streams/queries/streams.py:public_stream": Reason.FINDS_ACCOUNT,
    "src/fanfare/trackers/queries/links.py:module": Reason.FINDS_ACCOUNT,
}
# A function that composes SQL of parts that are not constants: `path:function`.
COMPOSITIONS: dict[str, Reason] = {
    "src/fanfare/ads/queries/projects.py:lines": Reason.ORDER,
    "src/fanfare/ads/queries/projects.py:projects": Reason.ORDER,
    "src/fanfare/audience/index/loading.py:batches": Reason.CRITERIA,
    "src/fanfare/campaigns/queries/items.py:wager_entries": Reason.ORDER,
    "src/fanfare/exports/queries/tables/statements.py:_types": Reason.COLUMNS,
    "src/fanfare/fans/actions/journal.py:_insert_deleted": Reason.COLUMNS,
    "src/fanfare/fans/actions/journal.py:_restore_changed": Reason.COLUMNS,
    "src/fanfare/fans/actions/journal.py:_restore_fan_id": Reason.COLUMNS,
    "src/fanfare/fans/actions/journal.py:record_after": Reason.COLUMNS,
    "src/fanfare/fans/actions/journal.py:record_before": Reason.COLUMNS,
    "src/fanfare/fans/actions/merging.py:_insert_absorbed": Reason.COLUMNS,
    "src/fanfare/fans/actions/merging.py:_write": Reason.COLUMNS,
    "src/fanfare/fans/actions/undoing.py:_used": Reason.COLUMNS,
    "src/fanfare/fans/actions/matching_consents.py:consent_ctes": Reason.CALLERS_PART,
    "src/fanfare/fans/contact.py:is_unambiguous_sql": Reason.CALLERS_PART,
    "src/fanfare/fans/queries/export.py:_read": Reason.COLUMNS,
    "src/fanfare/fans/queries/export.py:_rows_of": Reason.COLUMNS,
    "src/fanfare/fans/queries/export.py:_write_rows": Reason.COLUMNS,
    "src/fanfare/kernel/data/announcements.py:announced_deletion": Reason.CALLERS_PART,
    "src/fanfare/kernel/data/lists.py:bounded": Reason.CALLERS_PART,
    "src/fanfare/kernel/data/totals.py:_comparison": Reason.SQL_PART,
    "src/fanfare/kernel/data/updates.py:assignments": Reason.COLUMNS,
    "src/fanfare/messages/queries/suppressions.py:suppressions": Reason.ORDER,
    "src/fanfare/moving/queries.py:_table": Reason.COLUMNS,
    "src/fanfare/performances/queries/quests.py:completions": Reason.ORDER,
    "src/fanfare/performances/queries/rewards.py:reward_claims": Reason.ORDER,
    "src/fanfare/points/queries/points.py:awards": Reason.ORDER,
    "src/fanfare/points/queries/points.py:campaign_awards": Reason.ORDER,
    "src/fanfare/profiles/queries/comparison.py:_count_statement": Reason.COLUMNS,
    "src/fanfare/profiles/queries/comparison.py:_returning_statement": Reason.COLUMNS,
    "src/fanfare/props/queries.py:props": Reason.ORDER,
    "src/fanfare/registrations/queries/registrations.py:performance_of": Reason.CALLERS_PART,
    "src/fanfare/reports/queries/reports.py:reports": Reason.ORDER,
    "src/fanfare/search/actions/running.py:_store_rest": Reason.CRITERIA,
    "src/fanfare/search/criteria/links.py:link_conditions": Reason.CRITERIA,
    "src/fanfare/search/criteria/tickets.py:_condition": Reason.CRITERIA,
    "src/fanfare/search/criteria/where.py:statement": Reason.CRITERIA,
    "src/fanfare/segments/actions/building.py:_build_chunk": Reason.CRITERIA,
    "src/fanfare/segments/queries/overlap.py:_by_sql": Reason.CRITERIA,
    "src/fanfare/segments/queries/why.py:_evaluate": Reason.CRITERIA,
    "src/fanfare/sessions/actions/guests.py:_forget_guests": Reason.COLUMNS,
    "src/fanfare/staff/actions/audit.py:_subject": Reason.COLUMNS,
    "src/fanfare/streams/actions/counting.py:additions": Reason.CALLERS_PART,
    "src/fanfare/streams/actions/counting.py:count": Reason.CALLERS_PART,
    "src/fanfare/streams/actions/counting.py:removals": Reason.CALLERS_PART,
    "src/fanfare/streams/queries/pages.py:_by_position": Reason.ORDER,
    "src/fanfare/streams/queries/pages.py:_filtered": Reason.CALLERS_PART,
    "src/fanfare/streams/queries/pages.py:_page": Reason.CALLERS_PART,
    "src/fanfare/streams/queries/records.py:managed_records": Reason.ORDER,
    "src/fanfare/streams/queries/summary.py:_sample": Reason.CALLERS_PART,
    "src/fanfare/tickets/queries/tickets.py:_page": Reason.CRITERIA,
    "src/fanfare/trackers/actions/click_days.py:count_clicks": Reason.COLUMNS,
    "src/fanfare/trackers/queries/clicks.py:clicks": Reason.ORDER,
    "src/fanfare/trackers/queries/domains.py:domains": Reason.ORDER,
    "src/fanfare/trackers/queries/trackers.py:trackers": Reason.ORDER,
}
# A table whose columns look like a fan's id.
FAN_IDS: dict[str, Reason] = {
    "searches": Reason.BOUND,
    "search_chunks": Reason.BOUND,
}
# A table whose name is no plural.
TABLE_NAMES: dict[str, Reason] = {
    "fan_activity": Reason.UNCOUNTABLE,
    "staff": Reason.UNCOUNTABLE,
}
# A call that another folder serves than the catalogue names.
FOLDERS: dict[str, Reason] = {
    "crm_fans_search": Reason.DIVIDED,
    "crm_tags_list": Reason.DIVIDED,
}
# Where the case of a text is taken away beside `fold`: `path:function`.
CASES: dict[str, Reason] = {
    "src/fanfare/demo/gates.py:_scanned": Reason.ASCII,
    "src/fanfare/demo/gates.py:_scans": Reason.ASCII,
    "src/fanfare/fans/actions/names.py:delete_word": Reason.DISGUISES,
    "src/fanfare/fans/actions/names.py:save_word": Reason.DISGUISES,
    "src/fanfare/fans/contact.py:phone_number": Reason.CONTACT,
    "src/fanfare/fans/contact.py:normalized_mail_key": Reason.CONTACT,
    "src/fanfare/fans/display_names/acceptance.py:_is_offensive": Reason.DISGUISES,
    "src/fanfare/fans/display_names/acceptance.py:_is_reserved": Reason.DISGUISES,
    "src/fanfare/fans/display_names/acceptance.py:_own_pattern": Reason.DISGUISES,
    "src/fanfare/fans/display_names/acceptance.py:_own_words": Reason.DISGUISES,
    "src/fanfare/fans/display_names/spelling.py:dotted": Reason.DISGUISES,
    "src/fanfare/fans/display_names/spelling.py:pieces": Reason.DISGUISES,
    "src/fanfare/fans/display_names/spelling.py:readings": Reason.DISGUISES,
    "src/fanfare/fans/display_names/words.py:refused_words": Reason.DISGUISES,
    "src/fanfare/places/loading/metro_areas.py:_override": Reason.ASCII,
    "src/fanfare/places/loading/rows.py:folded": Reason.ASCII,
    "src/fanfare/trackers/queries/hosts.py:host_of": Reason.ASCII,
    "src/fanfare/trackers/schemas/urls.py:read": Reason.ASCII,
    "src/fanfare/places/postal_codes.py:normalized_postal_code": Reason.ASCII,
    "src/fanfare/places/postal_codes.py:postal_key": Reason.ASCII,
    "src/fanfare/places/provinces.py:country_of_province": Reason.ASCII,
}
# A task that is started without `kernel/tasks.py`: `path:function`.
TASKS: dict[str, Reason] = {
    "src/fanfare/kernel/web/delivery.py:_is_closed": Reason.AWAITED,
    "src/fanfare/kernel/web/lazy.py:get": Reason.AWAITED,
    "src/fanfare/audience/process/updater.py:refresh": Reason.AWAITED,
    "src/fanfare/audience/index/loading.py:_prefetched": Reason.AWAITED,
    "src/fanfare/imports/actions/reading.py:batch": Reason.AWAITED,
}
# A name that says not what it is: `path:name`.
WORDS: dict[str, Reason] = {
    "src/fanfare/kernel/data/announcements.py:at": Reason.SQL_PART,
    "src/fanfare/search/criteria/groups.py:all": Reason.ON_THE_WIRE,
    "src/fanfare/search/criteria/groups.py:none": Reason.ON_THE_WIRE,
}
# A function longer than the rule: `path:function`.
FUNCTIONS: dict[str, Reason] = {}


def without(faults: Iterable[tuple[str, str]], waivers: dict[str, Reason]) -> list[str]:
    """Return the faults, each given as its place and its words, that no waiver covers, and the waivers not needed."""
    result = list(faults)
    places = {place for place, _ in result}
    answer = [f"{place}: {words}" for place, words in result if place not in waivers]
    return answer + [f"{place}: waived ({waivers[place]}) without need" for place in waivers if place not in places]
