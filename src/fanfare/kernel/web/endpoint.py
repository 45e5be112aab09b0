"""The endpoint decorator: the signature of a function declares an HTTP call.

`kernel/web/http` calls the function with the arguments that its parameters ask for by type: the database (`Db`), the
account (`Account`), the caller (`Caller`), the delivery of the answer (`Delivery`), the current time (`datetime`) and
one struct of parameters (`Params`), and the file in the body (`Upload`). The name of the function is the operationId,
its docstring the summary and description in the API document.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Literal, TypedDict, TypeVar, Unpack, get_type_hints

import msgspec

from fanfare.kernel.callers import Account, Caller, Level
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import JSON, Delivery
from fanfare.kernel.data.uploads import Upload
from fanfare.kernel.parameters import Params
from fanfare.kernel.pictures import ImageAnswer

# Returns the faults of fields that refer to other objects. Called when a request is refused anyway, to report all
# faults.
References = Callable[[Db, Account, Mapping[str, Any]], Awaitable[list[tuple[str, str]]]]
# Makes calls to others that the action needs, before any transaction; what it returns is an argument of the handler, by
# the type that it says it returns.
Prepare = Callable[[Db, Account, Caller, Any, datetime], Awaitable[Any]]
# Calls for whoever sets an account up.
MANAGE = "/api/v1/manage/"
F = TypeVar("F", bound=Callable[..., Awaitable[Any]])
M = TypeVar("M")
R = TypeVar("R")


class Endpoint(msgspec.Struct, frozen=True):
    """A call: path, required key, parameters and answer type."""

    call_id: str
    method: str
    path: str
    scope: str
    key: Level
    handler: Callable[..., Awaitable[Any]]
    # the types of the handler's arguments, in order
    arguments: tuple[Any, ...]
    params: type[Params] | None
    answer: Any
    has_etag: bool = False
    # the field that receives a body that is a bare JSON array
    array_field: str | None = None
    references: References | None = None
    prepare: Prepare | None = None
    # the type of what `prepare` returns
    prepared_type: Any = None
    # whether the answer holds what is shown once, and so is stored neither for a repeated request nor in caches; or the
    # field that does
    has_secret_answer: bool | str = False
    # the content type of the answer
    media_type: str = JSON
    # other content types that a client can ask for with Accept
    other_media_types: tuple[str, ...] = ()
    # whether a call that reads can be refused with 409
    has_conflict: bool = False
    # whether the call may change data
    is_write: bool = False
    # whether the body is a file, which the handler reads in parts; the parameters are in the query
    takes_file: bool = False
    # whether programs make the call at any rate (gates, apps, feeds), or it changes nothing that stays
    is_routine: bool = False
    # whether the call waits for a turn, and so holds no transaction meanwhile
    takes_turn: bool = False

    @property
    def is_audited(self) -> bool:
        """Whether each call has its entry in the audit log: changes of what an account sets up, and exports.

        The parts of a file have none: what is done with the file has. Routine calls have none, for entries of an
        account wait for each other; the change log has them.
        """
        is_change = self.is_write and not self.takes_file and not self.is_routine
        return self.path.startswith(MANAGE) and (is_change or self.path.endswith("/export"))

    def is_secret(self, answer: object) -> bool:
        """Return whether an answer is not stored for a repeated request."""
        if isinstance(self.has_secret_answer, str):
            return getattr(answer, self.has_secret_answer, msgspec.UNSET) is not msgspec.UNSET
        return self.has_secret_answer


class WriteOptions(TypedDict, total=False):
    """What a call that writes can have beside path, scope and key.

    `array_field` is the field that receives a bare JSON array, `references` checks fields that refer to other objects,
    `prepare` makes calls to others before any transaction. `is_routine` calls are not in the audit log.
    Calls of `takes_turn` are noted there right after they ran, not in one transaction.
    """

    array_field: str | None
    references: References | None
    prepare: Prepare | None
    has_secret_answer: bool | str
    is_routine: bool
    takes_turn: bool


class ReadOptions(TypedDict, total=False):
    """What a call that reads can have beside path, scope and key."""

    has_etag: bool
    has_secret_answer: bool
    other_media_types: tuple[str, ...]
    has_conflict: bool


class _Decorator:
    """Provides `@endpoint.get("/api/v1/…", scope="crm", key=SECRET)`."""

    def get(self, path: str, *, scope: str, key: Level, **options: Unpack[ReadOptions]) -> Callable[[F], F]:
        """Declare a call that reads."""
        return self._mark("GET", path, scope, key, **options)

    def post(self, path: str, *, scope: str, key: Level, **options: Unpack[WriteOptions]) -> Callable[[F], F]:
        """Declare a call that writes."""
        return self._mark("POST", path, scope, key, **options)

    def delete(self, path: str, *, scope: str, key: Level) -> Callable[[F], F]:
        """Declare a call that deletes."""
        return self._mark("DELETE", path, scope, key)

    def _mark(
        self,
        method: Literal["GET", "POST", "DELETE"],
        path: str,
        scope: str,
        key: Level,
        **options: Any,  # noqa: ANN401
    ) -> Callable[[F], F]:
        def mark(handler: F) -> F:
            hints = get_type_hints(handler)
            answer = hints.pop("return")
            structs = [hint for hint in hints.values() if isinstance(hint, type) and issubclass(hint, Params)]
            params = structs[0] if structs else None
            prepare = options.get("prepare")
            prepared_type = get_type_hints(prepare)["return"] if prepare else None
            is_drawn = isinstance(answer, type) and issubclass(answer, ImageAnswer)
            new = Endpoint(
                handler.__name__, method, path, scope, key, handler, tuple(hints.values()), params, answer, **options,
                prepared_type=prepared_type, media_type=answer.media_type if is_drawn else JSON,
                is_write=method != "GET", takes_file=Upload in hints.values(),
            )  # fmt: skip
            provided = (Db, Account, Caller, Delivery, Upload, datetime, params, prepared_type)
            if unknown := [hint for hint in hints.values() if hint not in provided]:
                message = f"{handler.__name__} asks for {unknown}, which no call provides"
                raise TypeError(message)
            handler.endpoint = new  # type: ignore[attr-defined]
            return handler

        return mark


endpoint = _Decorator()
