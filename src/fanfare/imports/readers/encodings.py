"""Finds whether a file is UTF-8, part by part."""

import codecs

# Bytes that continue a character.
CONTINUATIONS = bytes(range(0x80, 0xC0))
MAX_CHARACTER_BYTES = 4


def is_utf8(content: bytes, *, is_last: bool = False) -> bool:
    """Return whether a part of a file is UTF-8, but for a character that its begin, or the end of others, cuts."""
    begin = content[: MAX_CHARACTER_BYTES - 1]
    rest = content[len(begin) - len(begin.lstrip(CONTINUATIONS)) :]
    try:
        codecs.getincrementaldecoder("utf-8")().decode(rest, is_last)
    except UnicodeDecodeError:
        return False
    return True
