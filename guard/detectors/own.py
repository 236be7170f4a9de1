"""Detectors of one's own: named in guard.yaml as `package.module:Name`, made once at the start.

Rule of the file: what cannot be loaded, or is no detector, stops the start and says why.
"""

from __future__ import annotations

import importlib

from guard.errors import SettingsError
from guard.parts import Own
from guard.types import Detector, Reach


def load_own(own: Own) -> Detector:
    """The detector. Raises SettingsError."""
    module, _, name = own.use.partition(":")
    try:
        make = getattr(importlib.import_module(module), name)
        detector: Detector = make(**dict(own.options))
    except SettingsError:
        raise
    except Exception as error:  # whatever it does, it is not ours: the start stops and names it
        raise SettingsError(
            f"detectors: {own.use}: cannot be made ({type(error).__name__}: {error}); "
            "is it installed, and are its options under `with:` right?"
        ) from error
    reach = getattr(detector, "reach", None)
    whole = isinstance(reach, int) and not isinstance(reach, bool) and reach >= 0
    if not (
        isinstance(getattr(detector, "name", None), str)
        and callable(getattr(detector, "detect", None))
        and (whole or isinstance(reach, Reach))
    ):
        raise SettingsError(
            f"detectors: {own.use}: is no detector: it needs `name` (a text), `reach` (a number of "
            "characters or guard.types.Reach.PASSAGE) and `detect(passage)`"
        )
    return detector
