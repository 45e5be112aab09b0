"""Turns the lives of fans into rows: consents, the current state of fans, and the change log in order of time."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from fanfare.demo import following, gates, loyalty, schedules, shop
from fanfare.demo.book import Book, Fan, Ids, TableRow
from fanfare.demo.following import Following
from fanfare.demo.gates import Gates
from fanfare.demo.loyalty import Loyalty, earning
from fanfare.demo.people import DemoPerson
from fanfare.demo.programme import DemoCampaign
from fanfare.demo.schedules import Schedules
from fanfare.demo.shop import Till
from fanfare.demo.story import Arrival, ConsentChange, Entered, FieldChange, Tagged, TimedEvent, wording
from fanfare.fans.actions.consents import ConsentEntry, ConsentState
from fanfare.fans.contact import normalized_mail_key
from fanfare.fans.topics import FAN_CREATED, FAN_IDENTIFIED, FAN_UPDATED, TAG_ADDED

# The tables to copy, in an order that satisfies foreign keys.
TABLES = {
    "fans": """account_id fan_id position created_at updated_at is_subscribed is_phone_subscribed is_optout
        email_word_at phone_word_at optout_word_at
        is_confirmed is_phone_confirmed birth_date gender province country_code fan_source metro_area postal_code city
        first_name last_name email phone display_name latitude longitude ip_address image_url""",
    "fan_identifiers": "account_id network identifier_value fan_id created_at",
    "consents": """account_id consent_id fan_id channel business_id is_granted wording consent_source ip_address
        given_at""",
    "fan_businesses": "account_id fan_id business_id is_opted_in updated_at",
    "fan_fields": "account_id fan_id crm_field_key field_value updated_at",
    "fan_tags": "account_id tag_id fan_id created_at position",
    "activities": "account_id activity_id fan_id page_tab_id ip_address props created_at",
    **following.TABLES,
    **schedules.TABLES,
    **loyalty.TABLES,
    **shop.TABLES,
    **gates.TABLES,
    "changes": "account_id position topic subject_id fan_id occurred_at data",
}
FLAGS = ("is_subscribed", "is_phone_subscribed", "is_optout")
COLUMNS = {table: names.split() for table, names in TABLES.items()}


class Rows:
    """Collects rows from events, which must come in order of time.

    The ids of activities and consents are the positions of their changes, whose rows are therefore inserted later by
    SQL.
    """

    def __init__(self, ids: Ids, people: Sequence[DemoPerson], loyalty: Callable[[Book], Loyalty]) -> None:
        self.ids = ids
        self.people = people
        self.fans: dict[int, Fan] = {}
        self.book = Book(ids, COLUMNS)
        self.tables = self.book.tables
        self._announce = self.book.announce
        self.loyalty = loyalty(self.book)
        self.handlers: dict[type, Callable[[Fan, Any, str], None]] = {
            ConsentChange: self._change_consent,
            Entered: self._entered,
            Tagged: self._tagged,
            FieldChange: self._change_field,
            **self.loyalty.handlers,
            **Following(self.book).handlers,
            **Schedules(self.book).handlers,
            **Till(self.book).handlers,
            **Gates(self.book).handlers,
        }

    def process(self, timed_event: TimedEvent) -> None:
        """Process one event; the arrival of a fan must come first."""
        stamp = datetime.fromtimestamp(timed_event.moment, UTC).isoformat()
        if isinstance(timed_event.event, Arrival):
            self.fans[timed_event.fan] = self._arrived(self.people[timed_event.fan], timed_event.event, stamp)
        else:
            self.handlers[type(timed_event.event)](self.fans[timed_event.fan], timed_event.event, stamp)

    def all_tables(self) -> dict[str, list[TableRow]]:
        """Return the rows of every table, after all events."""
        account_id = self.ids.account_id
        for fan in self.fans.values():
            self.tables["fans"].append(_fan_row(account_id, fan))
            for business, (is_opted_in, moment) in fan.consent.businesses().items():
                row = (account_id, fan.fan_id, self.ids.businesses[business], is_opted_in, moment.isoformat())
                self.tables["fan_businesses"].append(row)
            for key, (value, stamp) in fan.values.items():
                self.tables["fan_fields"].append((account_id, fan.fan_id, key, msgspec.json.encode(value), stamp))
        return self.tables

    def _arrived(self, person: DemoPerson, arrival: Arrival, stamp: str) -> Fan:
        fan_id = next(self.ids.fans)
        position = self._announce(FAN_CREATED, fan_id, fan_id, stamp)
        values = {key: (value, stamp) for key, value in arrival.values.items()}
        fan = Fan(fan_id, position, person, arrival.source, stamp, stamp, ConsentState(), values)
        contact = {"email": person.email and normalized_mail_key(person.email), "phone": person.phone}
        for network, key in (contact | person.identities).items():
            if key:
                self.tables["fan_identifiers"].append((self.ids.account_id, network, key, fan_id, stamp))
        for network in person.identities:
            self._announce(FAN_IDENTIFIED, fan_id, fan_id, stamp, b'{"network":"%s"}' % network.encode())
        for consent in arrival.consents:
            self._record_consent(fan, consent, arrival.source, stamp)
        return fan

    def _record_consent(self, fan: Fan, consent: ConsentEntry, source: str, stamp: str) -> None:
        """Add a consent and apply it to the fan, like the domain's own actions."""
        business_id = None if consent.business_id is None else self.ids.businesses[consent.business_id]
        self.tables["consents"].append(
            (self.ids.account_id, next(self.ids.positions), fan.fan_id, consent.channel, business_id,
             consent.is_granted, wording(consent), source, fan.person.ip_address, stamp)
        )  # fmt: skip
        fan.consent.add(consent, datetime.fromisoformat(stamp))

    def _updated(self, fan: Fan, fields: list[str], stamp: str) -> None:
        if fields:
            fan.position = self._announce(
                FAN_UPDATED, fan.fan_id, fan.fan_id, stamp, msgspec.json.encode({"fields": fields})
            )
            fan.updated_at = stamp

    def _change_consent(self, fan: Fan, change: ConsentChange, stamp: str) -> None:
        old = fan.consent.columns()
        self._record_consent(fan, change.consent, change.source, stamp)
        new = fan.consent.columns()
        self._updated(fan, [name for name, value in new.items() if value != old[name] and name in FLAGS], stamp)

    def _entered(self, fan: Fan, entry: Entered, stamp: str) -> None:
        page_tab_id = self.ids.campaigns[entry.campaign]
        activity_id, props = next(self.ids.positions), msgspec.json.encode(entry.props)
        self.tables["activities"].append(
            (self.ids.account_id, activity_id, fan.fan_id, page_tab_id, fan.person.ip_address, props, stamp)
        )
        self.loyalty.earned(fan, entry.campaign, activity_id, entry.props, stamp)

    def _tagged(self, fan: Fan, tagging: Tagged, stamp: str) -> None:
        tag_id = self.ids.tags[tagging.tag]
        position = self._announce(TAG_ADDED, tag_id, fan.fan_id, stamp)
        self.tables["fan_tags"].append((self.ids.account_id, tag_id, fan.fan_id, stamp, position))

    def _change_field(self, fan: Fan, change: FieldChange, stamp: str) -> None:
        if fan.values.get(change.key, (None, stamp))[0] != change.value:
            fan.values[change.key] = (change.value, stamp)
            self._updated(fan, [change.key], stamp)


def positions_needed(
    timed_events: Sequence[TimedEvent], people: Sequence[DemoPerson], programme: Sequence[DemoCampaign]
) -> int:
    """Return the maximum number of positions that the events take."""
    places = earning(programme)
    entry_count = sum(isinstance(each.event, Entered) and each.event.campaign in places for each in timed_events)
    change_count = sum(isinstance(each.event, ConsentChange) for each in timed_events)
    consent_count = sum(len(each.event.consents) for each in timed_events if isinstance(each.event, Arrival))
    return (
        len(timed_events)
        + change_count
        + consent_count
        + entry_count
        + sum(len(person.identities) for person in people)
    )


def _fan_row(account_id: int, fan: Fan) -> TableRow:
    person, town = fan.person, fan.person.town
    consent = fan.consent.columns()
    moments = (moment and moment.isoformat() for name, moment in consent.items() if name not in FLAGS)
    return (
        account_id, fan.fan_id, fan.position, fan.created_at, fan.updated_at, *(consent[name] for name in FLAGS),
        *moments, person.is_confirmed, person.is_phone_confirmed,
        person.birth_date, person.gender, town.province, town.country_code, fan.source, town.metro_area,
        person.postal_code, town.name, person.first_name, person.last_name, person.email, person.phone,
        person.display_name, person.latitude, person.longitude, person.ip_address, person.image_url,
    )  # fmt: skip
