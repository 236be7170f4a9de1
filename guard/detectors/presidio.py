"""Presidio as a detector of personal data: `use: guard.detectors.presidio:Presidio`.

It needs the extra `presidio`. Without `model` only Presidio's pattern recognisers work (cards,
IBANs, e-mail, phone numbers …), which takes about four milliseconds a passage; with a spaCy model
(`model: en_core_web_lg`) names and places are found too, and a passage takes tens of milliseconds
in the event loop. Its recognisers are described at
https://microsoft.github.io/presidio/supported_entities/.

Rules of the file: nothing is fetched (tldextract, which Presidio asks about the ends of domain
names, would fetch its list from the network; it gets the one it carries). Presidio reads the
passage and what stands beside it; a finding starts in the passage, in code points of the channel.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from guard.errors import SettingsError
from guard.types import Finding, Passage, Reach


class Presidio:
    """The detector. Rules are called `presidio/EMAIL_ADDRESS` and so on."""

    name = "presidio"
    reach = Reach.PASSAGE

    def __init__(
        self,
        *,
        entities: Sequence[str] | None = None,
        language: str = "en",
        model: str = "",
        category: str = "pii",
        score: float = 0.4,
    ) -> None:
        """`score`: what Presidio is less sure of is not reported. Raises SettingsError."""
        try:
            import spacy
            import tldextract
            from presidio_analyzer import AnalyzerEngine
            from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
        except ImportError as error:
            raise SettingsError(
                "detectors: Presidio is not installed: pip install 'outguard[presidio]'"
            ) from error
        tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
        logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
        try:
            nlp = spacy.load(model) if model else spacy.blank(language)
        except OSError as error:
            raise SettingsError(
                f"detectors: Presidio: there is no spaCy model {model!r}; install it, or leave "
                "`model` out to have patterns only"
            ) from error
        engine: Any = SpacyNlpEngine(
            models=[{"lang_code": language, "model_name": model or "blank"}],
            ner_model_configuration=NerModelConfiguration(),
        )
        engine.nlp = {language: nlp}
        self._analyzer: Any = AnalyzerEngine(nlp_engine=engine, supported_languages=[language])
        known = set(self._analyzer.get_supported_entities(language))
        wrong = sorted(set(entities or ()) - known)
        if wrong:
            raise SettingsError(
                f"detectors: Presidio does not know {', '.join(wrong)}; "
                f"it knows {', '.join(sorted(known))}"
            )
        self._entities = list(entities) if entities else None
        self._language = language
        self._category = category
        self._score = score

    def detect(self, passage: Passage) -> Sequence[Finding]:
        text = passage.before + passage.text + passage.after
        first = passage.start - len(passage.before)
        found = self._analyzer.analyze(
            text=text,
            language=self._language,
            entities=self._entities,
            score_threshold=self._score,
        )
        return [
            Finding(
                f"presidio/{one.entity_type}",
                self._category,
                float(one.score),
                first + one.start,
                first + one.end,
                "Personal data that Presidio knows.",
            )
            for one in found
            if passage.start <= first + one.start < passage.end
        ]
