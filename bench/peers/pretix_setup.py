"""Makes an organizer, a token, events and tickets in pretix's own database; run inside pretix by `pretix shell`."""

import json
import os
import sys
from datetime import timedelta
from decimal import Decimal

from django.db import connection
from django.utils.timezone import now
from django_scopes import scopes_disabled
from pretix.base.models import Order, OrderPosition, Organizer

PASSES = int(os.environ["BENCH_PASSES"])
TICKETS = int(os.environ["BENCH_TICKETS"])
EVENTS = 8


def with_rights(organizer):
    """Make a team that may do everything, and return its token."""
    team = organizer.teams.create(
        name="bench", all_events=True, all_event_permissions=True, all_organizer_permissions=True
    )
    return team.tokens.create(name="bench").token


def new_event(organizer, number):
    """Make an event with one kind of ticket that never sells out, and a list of check-ins."""
    event = organizer.events.create(
        name=f"event {number}", slug=f"event{number}", currency="CAD", live=True, plugins="",
        date_from=now() + timedelta(days=30),
    )  # fmt: skip
    item = event.items.create(name="Ticket", default_price=Decimal("84.50"), admission=True)
    quota = event.quotas.create(name="all", size=None)
    quota.items.add(item)
    return item, event.checkin_lists.create(name="Gate A", all_products=True)


def copies(table, template_id, count, **values):
    """Insert as many copies of a row, whose columns in `values` are expressions of `n`; return nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select column_name from information_schema.columns where table_name = %s and column_name <> 'id'", [table]
        )
        names = [row[0] for row in cursor.fetchall()]
        columns = ", ".join(f'"{name}"' for name in names)
        expressions = ", ".join(values.get(name, f't."{name}"') for name in names)
        cursor.execute(
            f"insert into {table} ({columns}) select {expressions} from {table} t, generate_series(1, %s) n"
            " where t.id = %s",
            [count, template_id],
        )


def sold(event, item, count, prefix):
    """Make orders of one ticket each, whose secrets are made of a prefix and a number from 0."""
    order = Order.objects.create(
        event=event, code=f"{prefix}ORDER", email="fan@example.org", status=Order.STATUS_PAID, total=Decimal("84.50"),
        datetime=now(), expires=now(), locale="en", sales_channel=event.organizer.sales_channels.get(identifier="web"),
    )  # fmt: skip
    position = OrderPosition.objects.create(
        order=order, item=item, price=Decimal("84.50"), positionid=1, secret=f"{prefix}0000000"
    )
    code = f"'{prefix}' || lpad(n::text, 7, '0')"
    copies("pretixbase_order", order.pk, count - 1, code=code, secret=code, internal_secret=code)
    with connection.cursor() as cursor:
        cursor.execute("analyze pretixbase_order")
    place = f"(select o.id from pretixbase_order o where o.organizer_id = {event.organizer_id} and o.code = {code})"
    copies(
        "pretixbase_orderposition", position.pk, count - 1,
        order_id=place, secret=code, web_secret=code, pseudonymization_id=code,
    )  # fmt: skip


with scopes_disabled():
    organizer = Organizer.objects.create(name="bench", slug="bench")
    token = with_rights(organizer)
    items = []
    for number in range(EVENTS):
        item, checkin_list = new_event(organizer, number)
        items.append(item.pk)
        if number == 0:
            gate = checkin_list.pk
            sold(item.event, item, PASSES, "P")
        else:
            sold(item.event, item, max(2, TICKETS // (EVENTS - 1)), f"T{number}")
with connection.cursor() as cursor:
    cursor.execute("analyze")
sys.stdout.write(json.dumps({"token": token, "items": items, "list": gate}) + "\n")
