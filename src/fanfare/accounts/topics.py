"""Topics of accounts."""

from fanfare.kernel.data.announcements import Fields, Topic

BUSINESS_CREATED = Topic("business.created", "A business was created.", "business_id")
BUSINESS_UPDATED = Topic("business.updated", "Fields of a business changed.", "business_id", data=Fields)
BUSINESS_DELETED = Topic("business.deleted", "A business was deleted.", "business_id")
