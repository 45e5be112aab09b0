"""Topics of the change log about props."""

from fanfare.kernel.data.announcements import Topic

PROP_CREATED = Topic("prop.created", "A value was stored under a new name.", "prop_name")
PROP_UPDATED = Topic("prop.updated", "A stored value was replaced, or its counters were incremented.", "prop_name")
PROP_DELETED = Topic("prop.deleted", "A stored value was deleted.", "prop_name")
