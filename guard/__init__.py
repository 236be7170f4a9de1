"""Outguard: an output guardrail and hallucination filter between apps and any model endpoint.

    import guard
    guard.check("Write to a@b.co.").text    # 'Write to ******.'

`guard.Guard` judges texts with your own rules; `guard.GuardMiddleware` puts the gate around an
ASGI application.
"""

from importlib import import_module
from typing import Any

__all__ = ["Checked", "Guard", "GuardMiddleware", "check"]


def __getattr__(name: str) -> Any:
    """Loads the library when it is first asked for: the commands do without it."""
    if name in __all__:
        return getattr(import_module("guard.library"), name)
    raise AttributeError(f"module 'guard' has no attribute {name!r}")
