"""Patterns of topics: a name, all of a noun or of a verb (`fan.*`, `*.deleted`), or all (`*`)."""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated

from fanfare.kernel.data.announcements import Topic
from fanfare.kernel.handover import Handover
from fanfare.kernel.wire import Form, ListForm, word_of

MAX_PATTERNS = 100
ALL = "*"
# The topics of all domains.
TOPICS = Handover[tuple[Topic, ...]]("the topics of all domains")


class TopicPatternForm(Form):
    """A topic, or a pattern of topics."""

    pattern = re.compile(r"\*|(?:\*|[a-z]+(?:_[a-z]+)*)\.(?:\*|[a-z]+(?:_[a-z]+)*)")

    def read(self, raw: object) -> str:
        """Return the pattern."""
        word = word_of(raw)
        if len(word) > 100 or not self.pattern.fullmatch(word):  # noqa: PLR2004 - longer than any topic
            message = "must be a topic, or a pattern such as fan.*, *.deleted or *"
            raise ValueError(message)
        return word

    def schema(self) -> dict[str, object]:
        """Return the pattern."""
        return {"type": "string", "pattern": f"^(?:{self.pattern.pattern})$", "maxLength": 100, "examples": ["fan.*"]}


TopicPatterns = Annotated[list[str], ListForm(TopicPatternForm(), MAX_PATTERNS)]


def is_match(pattern: str, name: str) -> bool:
    """Return whether a topic matches a pattern."""
    if pattern == ALL:
        return True
    noun, _, verb = pattern.partition(".")
    topic_noun, _, topic_verb = name.partition(".")
    return noun in (ALL, topic_noun) and verb in (ALL, topic_verb)


def matching(patterns: Iterable[str]) -> frozenset[str]:
    """Return the names of the topics that match any of the patterns."""
    patterns = tuple(patterns)
    return frozenset(topic.name for topic in TOPICS.get() if any(is_match(each, topic.name) for each in patterns))


def pattern_faults(patterns: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the patterns that match no topic, which are mistyped."""
    for each in patterns:
        if not matching([each]):
            yield "topics", f"no topic matches {each}"
