"""All tables, in the order in which they are moved: what others name comes first."""

from fanfare.moving.actions.tables import activities, fan_details, fans, gates, points, programme, sales, settings

TABLES = (
    settings.BUSINESSES,
    settings.FIELDS,
    programme.IDOLS,
    settings.CAMPAIGNS,
    programme.PERFORMANCES,
    programme.IDOL_EVENTS,
    fans.TABLE,
    fan_details.OPT_INS,
    fan_details.IDENTIFIERS,
    fan_details.FAN_IDOLS,
    activities.ACTIVITIES,
    sales.TICKET_EVENTS,
    sales.TICKETS,
    gates.REGISTRATIONS,
    sales.PURCHASES,
    gates.SCANS,
    points.POINTS,
    points.TAGS,
    settings.TRACKERS,
    settings.WINNERS,
)
