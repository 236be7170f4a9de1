"""The detectors that loaded rules ask for."""

from __future__ import annotations

from collections.abc import Sequence

from guard.detectors.consistency import ConsistencyDetector
from guard.detectors.grounding import GroundingDetector
from guard.detectors.pattern import RULES_BUDGET_MS, PatternDetector
from guard.detectors.repetition import RepetitionDetector
from guard.detectors.token_pattern import TokenDetector
from guard.rule import Rule
from guard.types import Detector, Reach


def detectors(rules: Sequence[Rule], *, budget_ms: float = RULES_BUDGET_MS) -> list[Detector]:
    """One for each kind of rule there is; patterns first."""
    made: list[Detector] = [PatternDetector(rules, budget_ms=budget_ms)]
    kinds = {rule.kind for rule in rules}
    if "tokens" in kinds:
        made.append(TokenDetector(rules, budget_ms=budget_ms))
    if "grounding" in kinds:
        made.append(GroundingDetector(rules))
    if "consistency" in kinds:
        made += [ConsistencyDetector(rules, reach) for reach in (Reach.PASSAGE, Reach.REPLY)]
    if "repetition" in kinds:
        made.append(RepetitionDetector(rules))
    return made
