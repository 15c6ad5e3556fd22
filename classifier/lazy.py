"""Names of other rooms' code, resolved when needed: `classifier` imports neither training nor evaluation."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def resolve_name(name: str) -> Any:
    """The module `package.module`, or the object `package.module:object`."""
    module, _, attribute = name.partition(":")
    loaded = importlib.import_module(module)
    return getattr(loaded, attribute) if attribute else loaded


def lazy_attributes(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's `__getattr__` (PEP 562) that imports each public name from its home module on first use."""

    def __getattr__(name: str) -> Any:  # noqa: N807
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return resolve_name(f"{homes[name]}:{name}")

    return __getattr__
