"""Topics of the change log about performances, schedules and portals."""

from fanfare.kernel.data.announcements import Fields, OptionalFields, Topic

SCHEDULE = "event:event_uid or performance:performance_uid"

PERFORMANCE_CREATED = Topic("performance.created", "A performance was created.", "performance_uid")
PERFORMANCE_UPDATED = Topic("performance.updated", "A performance changed.", "performance_uid", data=OptionalFields)
PERFORMANCE_DELETED = Topic("performance.deleted", "A performance was deleted.", "performance_uid")
SCHEDULE_ADDED = Topic("schedule.added", "A fan added an event or a performance to the schedule.", SCHEDULE, "always")
SCHEDULE_REMOVED = Topic(
    "schedule.removed", "A fan removed an event or a performance from the schedule.", SCHEDULE, "always"
)
PORTAL_CREATED = Topic("portal.created", "A portal was created.", "portal_uid")
PORTAL_UPDATED = Topic("portal.updated", "A portal changed.", "portal_uid", data=Fields)
PORTAL_DELETED = Topic("portal.deleted", "A portal was deleted.", "portal_uid")
