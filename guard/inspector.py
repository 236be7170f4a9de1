"""Runs the detectors on a passage and asks the policy.

Rule of the file: nothing fails open. A detector that raises is a finding of category `unchecked`,
and the policy speaks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from guard.passages import Cuts
from guard.policy import Policy, strongest
from guard.types import UNCHECKED, Detector, Exchange, Finding, Passage, Verdict


class Inspector:
    """Detectors and policy of one version of the rules. Shared by all replies; never changes."""

    def __init__(
        self, detectors: Sequence[Detector], policy: Policy, cuts: Cuts, *, digest: str = ""
    ) -> None:
        self.detectors = tuple(detectors)
        self.cuts = cuts
        self.digest = digest
        self._policy = policy

    def findings(self, passage: Passage) -> list[Finding]:
        """What all detectors saw, in order of start."""
        found: list[Finding] = []
        for detector in self.detectors:
            if passage.loose and not isinstance(detector.reach, int):
                continue  # the settings say that nothing is lost by that
            try:
                found += detector.detect(passage)
            except Exception:
                found.append(
                    Finding(
                        detector.name,
                        UNCHECKED,
                        1.0,
                        passage.start,
                        passage.end,
                        "This detector failed.",
                    )
                )
        return sorted(found, key=lambda finding: (finding.start, finding.end, finding.rule))

    def judge(self, passage: Passage) -> Verdict:
        """The policy's word on a passage."""
        return self._policy.judge(passage.exchange.route, self.findings(passage))

    def verdicts(self, passage: Passage) -> Iterator[tuple[Passage, Verdict]]:
        """The verdicts on a passage, each with the part it is on, in order.

        One for the whole; but a loose passage has one for each place where something begins.
        """
        if not passage.loose:
            yield passage, self.judge(passage)
            return
        starts: dict[int, list[Finding]] = {passage.start: []}
        for finding in self.findings(passage):
            starts.setdefault(finding.start, []).append(finding)
        for (start, found), (end, _) in pairwise([*starts.items(), (passage.end, [])]):
            inner = slice(start - passage.start, end - passage.start)
            part = replace(passage, start=start, text=passage.text[inner])
            yield part, self._policy.judge(passage.exchange.route, found)

    def judge_text(self, exchange: Exchange, channel: str, text: str) -> Verdict:
        """The verdict on a whole text: its strongest passage's."""
        return strongest(map(self.judge, self.cuts.passages(exchange, channel, text)))
