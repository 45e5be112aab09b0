"""Names the objects of exports on their way that may be at a storage: certificates of erasures count them.

Each is deleted there by the delivery that wrote it, and is named no longer then. One that its storage does not let us
delete stays named.
"""

from datetime import datetime

from fanfare.kernel.data.announcements import HOLD
from fanfare.kernel.data.db import Db

NAME_OBJECTS = f"""
    with {HOLD}
    insert into export_objects (account_id, object_id, export_uid, table_name, storage_id, endpoint, bucket, object_key,
                                completed_at, delivery_id)
    select $1, nextval('positions'), d.export_uid, d.table_name, d.storage_id, st.endpoint, d.bucket, d.object_key, $3,
           d.delivery_id
    from hold cross join export_deliveries d
    left join storages st on st.account_id = $1 and st.storage_id = d.storage_id
    where d.account_id = $1 and (d.delivery_id = $2 or $2::bigint is null)
      and (d.has_object or d.upload_key is not null) and d.export_uid is not null
    on conflict (account_id, delivery_id) where delivery_id is not null do nothing
"""  # noqa: S608 - fixed parts


async def name_objects(db: Db, account_id: int, delivery_id: int | None, now: datetime) -> None:
    """Name what may be at storages of a file on its way, or of all of an account."""
    await db.execute(NAME_OBJECTS, account_id, delivery_id, now)


async def forget_object(db: Db, account_id: int, delivery_id: int) -> None:
    """Name no longer what is deleted at its storage."""
    await db.execute("delete from export_objects where account_id = $1 and delivery_id = $2", account_id, delivery_id)
