"""Names of other rooms' code, resolved when needed: `classifier` imports neither training nor evaluation."""

import importlib
from typing import Any


def resolve_name(name: str) -> Any:
    """The module `package.module`, or the object `package.module:object`."""
    module, _, attribute = name.partition(":")
    loaded = importlib.import_module(module)
    return getattr(loaded, attribute) if attribute else loaded
