"""Finds what decorators have declared in the modules of a domain: calls and pages."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def declared_in(module: ModuleType, name: str, kind: type[T]) -> Iterator[T]:
    """Yield the declarations of a module in source order; for a package, those of its modules by name.

    A declaration is an attribute with this name and of this type, of a function of the module.
    """
    for inner in pkgutil.iter_modules(getattr(module, "__path__", ())):
        yield from declared_in(importlib.import_module(f"{module.__name__}.{inner.name}"), name, kind)
    for value in vars(module).values():
        candidate = getattr(value, name, None)
        if isinstance(candidate, kind) and getattr(value, "__module__", "") == module.__name__:
            yield candidate
