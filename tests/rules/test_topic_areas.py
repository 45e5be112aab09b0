"""Each topic has an area, so that nobody has its changes sent elsewhere who may not take them out."""

from fanfare import app
from fanfare.staff.schemas.roles import AREA_NAMES
from fanfare.staff.schemas.topic_areas import AREA_NOUNS, NOUN_AREA


def test_each_topic_is_of_one_area() -> None:
    nouns = [noun for nouns in AREA_NOUNS.values() for noun in nouns]
    assert sorted(nouns) == sorted({topic.name.partition(".")[0] for topic in app.topics()}), "mend topic_areas.py"
    assert len(NOUN_AREA) == len(nouns)
    assert set(AREA_NOUNS) <= set(AREA_NAMES)
