"""Topics of the change log about ads."""

import uuid

import msgspec

from fanfare.kernel.data.announcements import Topic


class OfProject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The project of a budget line."""

    project_uid: uuid.UUID


AD_PROJECT_CREATED = Topic("ad_project.created", "An advertising project was created.", "project_uid")
AD_PROJECT_DELETED = Topic("ad_project.deleted", "An advertising project was deleted.", "project_uid")
AD_PROJECT_LINE_CREATED = Topic(
    "ad_project_line.created", "A budget line was added to a project.", "project_line_uid", data=OfProject
)
AD_PROJECT_LINE_DELETED = Topic(
    "ad_project_line.deleted", "A budget line of a project was deleted.", "project_line_uid", data=OfProject
)
AD_FIGURES_UPDATED = Topic(
    "ad_figures.updated", "Figures of a platform's ads on one day were stored.", "network || ':' || figure_date"
)
