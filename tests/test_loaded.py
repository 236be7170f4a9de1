"""The detectors are those that the rules ask for."""

from guard.detectors.loaded import detectors
from guard.rules import load, shipped_folder
from guard.types import Reach


def test_the_shipped_packs_ask_for_all_but_tokens() -> None:
    made = detectors(load().rules)
    names = [detector.name for detector in made]
    assert names == ["pattern", "grounding", "consistency", "consistency", "repetition"]
    assert [one.reach for one in made if one.name == "consistency"] == [Reach.PASSAGE, Reach.REPLY]


def test_without_rules_only_what_no_rule_needs_is_looked_for() -> None:
    assert [detector.name for detector in detectors([])] == ["pattern"]


def test_the_domain_packs_show_tokens() -> None:
    made = detectors(load(shipped_folder() / "domains").rules)
    assert "tokens" in [detector.name for detector in made]
