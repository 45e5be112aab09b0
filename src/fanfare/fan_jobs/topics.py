"""Topics of the change log about fan jobs."""

import msgspec

from fanfare.kernel.data.announcements import Topic


class Progress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The numbers of fans that the job went through, and that it changed."""

    done_count: int
    changed_count: int


FAN_JOB_CREATED = Topic("fan_job.created", "An action on many fans was started.", "fan_job_uid")
FAN_JOB_COMPLETED = Topic("fan_job.completed", "An action on many fans was carried out.", "fan_job_uid", data=Progress)
FAN_JOB_FAILED = Topic("fan_job.failed", "An action on many fans ended before its end.", "fan_job_uid", data=Progress)
FAN_JOB_CANCELLED = Topic("fan_job.cancelled", "An action on many fans was cancelled.", "fan_job_uid", data=Progress)
