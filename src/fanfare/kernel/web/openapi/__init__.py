"""The OpenAPI 3.1 document at `/openapi.json`, generated from the types of the endpoints.

`document` builds it, `OpenApi` serves it. Parameters come from the parameter structs and their Forms, answers from the
answer structs, refusals from the classes in `kernel/errors`. Only the introduction is written by hand, in `document`.
"""

from fanfare.kernel.web.openapi.document import document
from fanfare.kernel.web.openapi.resource import OpenApi

__all__ = ["OpenApi", "document"]
