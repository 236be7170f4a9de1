"""The sieve never says no where `regex` says yes: on random patterns, and on every character."""

import sys
from typing import Any

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from guard import patterns
from guard.detectors import sieve as sieve_module
from guard.detectors.pattern import PatternDetector
from guard.detectors.sieve import Sieve, widened
from guard.folding import fold
from guard.rule import Rule
from guard.rule_bodies import phrases_pattern
from guard.types import Exchange, Passage

EVERY_CHARACTER = "".join(
    chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000
)
ODD = "\u212aiIİıkKsSſßẞσςΣåÅÅéﬀａＡ１٣²_ -.\n\t\u00a0\u2028\u200b\u00ad\x00\x1f\U0001f600文0aAzZ9!"

letters = st.sampled_from(ODD.replace("\x00", ""))
singles = st.one_of(
    letters.map(regex.escape),
    st.sampled_from([r"\w", r"\d", r"\s", r"\W", r"\D", r"\S", ".", "[a-k]", "[^a-k]", "[İ-ſ]"]),
    st.sampled_from([r"[\w.-]", r"[^\s_]", r"\p{Lu}", r"\P{Ll}", r"\p{Han}", "[^ß]", "[A-Z0-9]"]),
    st.sampled_from([r"\b", "^", "$", r"(?<=a)", r"(?!i)", r"(?<![\w.])", r"(?=\d|s)", r"\m"]),
)


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeats = st.sampled_from(["?", "*", "+", "{2}", "{1,9}", "{5,7}?", "++", "{0,2}"])
    return st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda ways: f"(?:{'|'.join(ways)})"),
        st.tuples(inner, repeats).map(lambda part: f"(?:{part[0]}){part[1]}"),
        inner.map(lambda part: f"(?>{part})"),
        inner.map(lambda part: f"({part})"),
        inner.map(lambda part: f"(?i:{part})"),
        inner.map(lambda part: f"(?-i:{part})"),
    )


random_patterns = st.recursive(singles, joined, max_leaves=8)
random_texts = st.text(st.one_of(st.sampled_from(ODD), st.characters()), max_size=24)
random_phrases = st.lists(
    st.text(st.sampled_from("iksIKS åß.-a1 "), min_size=1, max_size=9).filter(str.strip),
    min_size=1,
    max_size=3,
)


def made(compiled: Any, *, case: bool = False, **more: Any) -> Rule:
    return Rule("r", "pii", "", "pattern", 0.5, compiled, 40, 9, case, **more)


def by_pattern(pattern: str, *, case: bool = False, **more: Any) -> Rule:
    return made(regex.compile(pattern, patterns.flags(case=case)), case=case, **more)


@settings(max_examples=600, deadline=None)
@given(random_patterns, random_texts, st.booleans())
@example(r"\bsk-\w{3,40}", "ſ\u212a-aaaa", False)
@example("ı", "I", False)
@example("i", "İ", False)
@example("ß", "ss", False)
@example("[a-z]+", "\u212a", False)
def test_what_regex_finds_the_sieve_lets_through(pattern: str, text: str, case: bool) -> None:
    rule = by_pattern(pattern, case=case)
    found = rule.compiled is not None and rule.compiled.search(text, timeout=1)
    if found:
        assert list(Sieve([rule]).rules(text)) == [0]


@settings(max_examples=200, deadline=None)
@given(st.lists(random_patterns, min_size=1, max_size=4), random_phrases, random_texts, st.data())
def test_sieve_and_regex_find_what_regex_alone_finds(
    several: list[str], phrases: list[str], text: str, data: st.DataObject
) -> None:
    own = data.draw(st.integers(0, len(text)), "where the passage ends")
    rules = [by_pattern(pattern) for pattern in several]
    rules.append(made(phrases_pattern(phrases, case=False), phrases=tuple(phrases)))
    passage = Passage(Exchange("x", 0.0), "text", 0, text[:own], after=text[own:], final=True)
    folded = fold(text)
    last = folded.from_original(own)
    alone = [
        folded.to_original(*match.span())
        for rule in rules
        if rule.compiled is not None
        for match in rule.compiled.finditer(folded.text, timeout=1)
        if match.start() < last and match.end() > match.start()
    ]
    both = [(one.start, one.end) for one in PatternDetector(rules).detect(passage)]
    assert both == alone


@settings(max_examples=300, deadline=None)
@given(random_phrases, random_texts, random_texts, st.sampled_from([" ", "\u00a0", " \n ", "\t"]))
def test_phrases_are_never_lost(phrases: list[str], head: str, tail: str, blank: str) -> None:
    compiled = phrases_pattern(phrases, case=False)
    rule = made(compiled, phrases=tuple(phrases))
    for phrase in phrases:
        text = f"{head} {blank.join(phrase.swapcase().split())} {tail}"
        if compiled.search(text):
            assert list(Sieve([rule]).rules(text)) == [0], text


@pytest.mark.parametrize("letter", list("aikszIKS19_.") + list("åßıſé"))
@pytest.mark.parametrize("shape", ["{}", "[{}]", "(?-i:{})"])
def test_every_character_that_regex_takes_for_another(letter: str, shape: str) -> None:
    pattern = shape.format(regex.escape(letter))
    like = regex.findall(pattern, EVERY_CHARACTER, patterns.flags(case=False))
    assert letter in like
    sieve = Sieve([by_pattern(pattern)])
    for one in like:
        assert list(sieve.rules(f"({one})")) == [0], hex(ord(one))
    phrase = Sieve([made(phrases_pattern([letter], case=False), phrases=(letter,))])
    for one in regex.findall(regex.escape(letter), EVERY_CHARACTER, patterns.flags(case=False)):
        assert list(phrase.rules(f"({one})")) == [0], hex(ord(one))


@pytest.mark.parametrize("shape", [r"\d", r"\s", r"[\d.]", r"[a-z\s]", "[h-l]", r"\w", "[s]"])
def test_every_character_of_a_set(shape: str) -> None:
    sieve = Sieve([by_pattern(shape)])
    held = regex.findall(shape, EVERY_CHARACTER, patterns.flags(case=False))
    assert held
    assert all(sieve.rules(f"({one})") for one in held[:3000])


@pytest.mark.parametrize(
    "shape", [r"\w", r"\W", r"\d", r"\s", "[^a]", "[h-j]", r"\p{Lu}", "[[:punct:]]"]
)
def test_every_ascii_character_of_a_set(shape: str) -> None:
    sieve = Sieve([by_pattern(shape)])
    held = set(regex.findall(shape, EVERY_CHARACTER[:128], patterns.flags(case=False)))
    through = {one for one in EVERY_CHARACTER[:128] if sieve.rules(one)}
    assert held <= through <= {*held, "a", "A"}  # of [^a] both forms are let through


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a)\1",
        r"(?:foo){e<=1}",
        r"a\Xb",
        r"(?f)straße",
        r"(a)?(?(1)b|c)",
    ],
)
def test_what_nobody_has_shown_to_be_safe_runs_always(pattern: str) -> None:
    assert widened(pattern) is None
    assert list(Sieve([by_pattern(pattern)]).rules("nothing")) == [0]


def test_it_says_no_to_most_text_of_other_scripts() -> None:
    sieve = Sieve([by_pattern(r"\b\d{3}-\d\d\b"), by_pattern("[a-z]{2}x"), by_pattern(r"in\s\d")])
    assert list(sieve.rules("Müller’s café – déjà vu, 東京に行く, Москва №5")) == []
    assert list(sieve.rules("١٢٣-٤٥, in\u3000９")) == [0, 2]


def test_it_says_no_where_nothing_is() -> None:
    rules = [
        by_pattern(r"\bcode-\d{3,9}(?!x)"),
        by_pattern("[A-Z]{2}7", case=True),
        made(
            phrases_pattern(["Sure thing", "no  way"], case=False),
            phrases=("Sure thing", "no  way"),
        ),
    ]
    sieve = Sieve(rules)
    assert list(sieve.rules("Nothing is here, ab7 and code-x.")) == []
    assert list(sieve.rules("It is CODE-123 here")) == [0]
    assert list(sieve.rules("no \n WAY, AB7")) == [1, 2]
    assert list(Sieve([]).rules("anything")) == []


def test_a_match_that_may_still_grow_is_always_tried() -> None:
    assert list(Sieve([by_pattern("key-[a-z]+!", longest=20)]).rules("key-aa")) == [0]


def test_a_text_that_re2_cannot_read_is_tried_in_full() -> None:
    assert list(Sieve([by_pattern("abc"), by_pattern("xyz")]).rules("\ud800")) == [0, 1]


def test_when_re2_gives_up_every_rule_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    class GivesUp:
        def Match(self, text: str) -> None:  # noqa: N802
            """What RE2 answers when its tables are full: the same as for no match."""

    rules = [by_pattern("abc"), by_pattern("xyz")]
    sieve = Sieve(rules)
    assert list(sieve.rules("nothing")) == []
    monkeypatch.setattr(sieve, "_set", GivesUp())
    assert list(sieve.rules("nothing")) == [0, 1]
    monkeypatch.setattr(sieve_module, "MEMORY_MAX_BYTES", 100)  # not even enough to begin
    assert list(Sieve(rules).rules("nothing")) == [0, 1]
