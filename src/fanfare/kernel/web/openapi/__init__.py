"""The API described by itself: OpenAPI 3.1 at `/openapi.json`, made from the endpoints' own types.

`document` builds it, `OpenApi` serves it. Parameters come from the parameter structs and their Forms, answers from
the answer structs, refusals from the classes in `kernel/errors`; nothing is said here that is not said there, except
the words about the whole in `document`.
"""

from fanfare.kernel.web.openapi.document import document
from fanfare.kernel.web.openapi.resource import OpenApi

__all__ = ["OpenApi", "document"]
