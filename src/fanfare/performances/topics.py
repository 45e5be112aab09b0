"""Topics of the change log about performances, schedules, portals, quests and rewards."""

from uuid import UUID

import msgspec

from fanfare.kernel.data.announcements import Fields, OptionalFields, Topic


class OfPerformance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The performance of a quest or reward."""

    performance_uid: UUID


class OfReward(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The reward that was claimed."""

    reward_uid: UUID


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
QUEST_CREATED = Topic("quest.created", "A quest was added to a performance.", "page_tab_id", data=OfPerformance)
QUEST_DELETED = Topic("quest.deleted", "A quest was removed from a performance.", "page_tab_id", data=OfPerformance)
QUEST_COMPLETED = Topic("quest.completed", "A fan completed a quest.", "page_tab_id", "always", OfPerformance)
REWARD_CREATED = Topic("reward.created", "A reward was added to a performance.", "reward_uid", data=OfPerformance)
REWARD_DELETED = Topic("reward.deleted", "A reward was removed from a performance.", "reward_uid", data=OfPerformance)
REWARD_CLAIM_CREATED = Topic("reward_claim.created", "A fan claimed a reward.", "reward_claim_id", "always", OfReward)
REWARD_CLAIM_DELETED = Topic("reward_claim.deleted", "A claim was undone.", "reward_claim_id", "always", OfReward)
