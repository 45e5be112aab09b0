"""Topics of the change log about storages."""

from fanfare.kernel.data.announcements import Fields, Topic

STORAGE_CREATED = Topic("storage.created", "A storage was created.", "storage_uid")
STORAGE_UPDATED = Topic("storage.updated", "Fields of a storage changed, or its secret.", "storage_uid", data=Fields)
STORAGE_DELETED = Topic("storage.deleted", "A storage was deleted; what is in its bucket stays.", "storage_uid")
