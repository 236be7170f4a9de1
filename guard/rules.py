"""YAML to rules: every mistake with file, line, column and picture, and the examples as tests.

Rules of the file: a broken rule stops the start, all mistakes are reported together, and what a
rule may cost in delay (its reach) is computed from the rule itself.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import regex

from guard import patterns, rule_fields
from guard.errors import RuleError, SettingsError
from guard.policy import Policy, read_policy
from guard.strict_yaml import Document, describe
from guard.strict_yaml import Path as Way
from guard.types import SHIPPED_CATEGORIES, UNCHECKED, Reach

KINDS = ("pattern", "phrases", "grounding")
GROUNDING_KINDS = ("numbers",)
AROUND_CHARS = 40  # `unless: around` sees so many characters on each side of the match
PHRASE_BLANKS_MAX = 3  # a blank in a phrase stands for up to so many: line breaks, double blanks
LONGEST_MAX_CHARS = 4_000  # a longer hold-back would turn a stream into one burst
DEFAULT_SCORE = 0.5
POLICY = "policy.yaml"
DOMAINS = "domains"
"""A folder of this name inside a folder of rules: its packs are loaded only when asked for."""

_USELESS = {
    "pattern": frozenset[str](),
    "phrases": frozenset({"longest"}),
    "grounding": frozenset({"case", "longest", "unless", "near"}),
}
_ID = regex.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+){0,20}")
_MARK = regex.compile(r"<<(.*?)>>(?!>)", regex.DOTALL)


@dataclass(frozen=True, slots=True)
class Unless:
    """Exceptions of a rule: the finding is dropped if any of them holds."""

    pattern: regex.Pattern[str] | None = None  # found in the match itself
    around: regex.Pattern[str] | None = None  # found within AROUND_CHARS of it, or in it
    in_context: bool = False  # the match stands in the exchange's sources


@dataclass(frozen=True, slots=True)
class Near:
    """Words that say more about a match: `add` to its score if one stands `within` characters."""

    words: regex.Pattern[str]
    within: int
    add: float


@dataclass(frozen=True, slots=True)
class Example:
    """A text that must, or must not, be found. `marks` are the spans that must be."""

    text: str
    context: tuple[str, ...]
    marks: tuple[tuple[int, int], ...]
    way: Way = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `reach` is the number of folded characters from a match's start that decide it."""

    id: str
    category: str
    message: str
    kind: str
    score: float
    compiled: regex.Pattern[str] | None  # pattern and phrases
    reach: int | Reach
    behind: int  # characters before a match that it may look at
    case: bool = False
    longest: int | None = None
    shadow: bool = False
    unless: Unless = Unless()
    near: tuple[Near, ...] = ()
    channels: tuple[str, ...] = ()  # scope: only these; empty means all
    routes: tuple[str, ...] = ()
    match: tuple[Example, ...] = ()
    passes: tuple[Example, ...] = ()
    miss: tuple[Example, ...] = ()
    phrases: tuple[str, ...] = ()  # as written; `compiled` finds them
    file: str = ""
    line: int = 0
    way: Way = field(default=(), compare=False)

    def covers(self, route: str, channel: str) -> bool:
        """Whether the rule's scope takes in this route and channel."""
        if self.routes and route not in self.routes:
            return False
        return not self.channels or any(
            channel == name or name in channel.split("/") for name in self.channels
        )


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All loaded rules and the policy, with the digest that names this version of them."""

    rules: tuple[Rule, ...]
    policy: Policy
    digest: str

    @property
    def hold_back(self) -> int:
        """Folded characters after a passage that must be read before it can be judged."""
        return max((rule.reach for rule in self.rules if isinstance(rule.reach, int)), default=0)

    @property
    def look_back(self) -> int:
        """Characters before a passage that rules may look at."""
        # One at least, so that `^` is true at the start of the text alone.
        return 1 + max((rule.behind for rule in self.rules), default=0)


def shipped_folder() -> Path:
    """The rule packs that come with the program: beside the package, or inside the wheel."""
    package = Path(__file__).resolve().parent
    inside = package / "shipped_rules"
    return inside if inside.is_dir() else package.parent / "rules"


def rule_files(folder: Path, *, domains: bool = False) -> list[Path]:
    """The files of a folder of rules, and the policy's."""
    files = sorted(path for path in folder.rglob("*.y*ml") if path.suffix in (".yaml", ".yml"))
    if not domains:
        files = [path for path in files if path.relative_to(folder).parts[0] != DOMAINS]
    if folder / POLICY not in files:
        files.append(shipped_folder() / POLICY)
    return files


def load(
    folder: Path | None = None, *, routes: Iterable[str] = (), domains: bool = False
) -> Rulebook:
    """Loads a folder of rule files (the shipped one by default), examples unchecked.

    Raises RuleError with every mistake of every file at once.
    """
    rulebook, documents = read(folder, routes, domains=domains)
    refuse(documents)
    return rulebook


def refuse(documents: Mapping[str, Document]) -> None:
    """Raises RuleError if any document has a mistake; all of them stand in it."""
    problems = [problem for document in documents.values() for problem in document.problems]
    if problems:
        raise RuleError(describe(problems), tuple(one.head for one in sorted(problems)))


def read(
    folder: Path | None, routes: Iterable[str] = (), *, domains: bool = False
) -> tuple[Rulebook, dict[str, Document]]:
    """Reads a folder of rule files; mistakes stand in the documents, by file.

    With `domains` the packs of its folder `domains` too.
    """
    folder = folder or shipped_folder()
    if not folder.is_dir():
        raise SettingsError(f"--rules {folder}: no such folder; give a folder of rule files")
    files = rule_files(folder, domains=domains)
    policy_file = folder / POLICY if folder / POLICY in files else files[-1]
    digest = hashlib.sha256()
    documents: dict[str, Document] = {}
    rules: list[Rule] = []
    categories = set(SHIPPED_CATEGORIES)
    first_places: dict[str, str] = {}
    policy_document: Document | None = None
    for file in files:
        try:
            raw = file.read_bytes()
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            documents[str(file)] = document = Document("", str(file))
            document.problem((), f"byte {error.start} is not UTF-8; save the file as UTF-8 text")
            continue
        except OSError as error:
            raise SettingsError(f"{file}: cannot be read ({error.strerror})") from error
        digest.update(str(file.name).encode() + b"\0" + raw + b"\0")
        documents[str(file)] = document = Document(text, str(file))
        if file == policy_file:
            policy_document = document
            continue
        reader = _RuleFile(document)
        for rule in reader.rules():
            if rule.id in first_places:
                document.problem(
                    (*rule.way, "id"), f"doubled id {rule.id!r} (first at {first_places[rule.id]})"
                )
            first_places.setdefault(rule.id, document.place((*rule.way, "id")))
            rules.append(rule)
        categories |= reader.categories
    policy = Policy({})
    if policy_document is not None and not policy_document.problems:
        policy = read_policy(policy_document, categories=categories, routes=routes)
        policy = replace(policy, shadowed_rules=frozenset(rule.id for rule in rules if rule.shadow))
    return Rulebook(tuple(rules), policy, digest.hexdigest()[:16]), documents


class _RuleFile:
    """Reads the rules of one document and notes its mistakes there."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._problem = document.problem
        self.categories: set[str] = set()  # of broken rules too

    def rules(self) -> list[Rule]:
        data = self._document.data
        if data is None and self._document.problems:
            return []
        if not isinstance(data, dict):
            self._problem((), "a rule file begins with `category:` and `rules:`")
            return []
        self._unknown((), data, rule_fields.FILE)
        category = self._category((), data) if "category" in data else ""
        entries = data.get("rules")
        if not isinstance(entries, list) or not entries:
            self._problem(("rules",), "`rules:` is a list of rules, each beginning with `- id:`")
            return []
        found = (self._rule(("rules", at), entry, category) for at, entry in enumerate(entries))
        return [rule for rule in found if rule is not None]

    def _rule(self, way: Way, entry: Any, file_category: str) -> Rule | None:
        before = len(self._document.problems)
        if not isinstance(entry, dict):
            self._problem(way, "a rule is a mapping that begins with `id:`")
            return None
        self._unknown(way, entry, rule_fields.RULE)
        name = entry.get("id")
        if not isinstance(name, str) or not _ID.fullmatch(name):
            self._problem((*way, "id"), "a rule needs an `id` of small letters, digits and hyphens")
            name = ""
        category = self._category(way, entry) if "category" in entry else file_category
        if not category:
            self._problem(way, "no category: give one to the rule, or `category:` to the file")
        kinds = [kind for kind in KINDS if kind in entry]
        if len(kinds) != 1:
            told = f"has {' and '.join(kinds)}" if kinds else "has none"
            self._problem(way, f"a rule has exactly one of {', '.join(KINDS)}; this one {told}")
            return None
        kind = kinds[0]
        for key in _USELESS[kind] & entry.keys():
            self._problem((*way, key), f"{key} does nothing for a rule of kind {kind}; remove it")
        case = self._boolean(way, entry, "case")
        longest = self._longest(way, entry)
        unless = self._unless(way, entry)
        compiled, reach, behind = self._body((*way, kind), kind, entry[kind], case, longest)
        near = self._near(way, entry, case)
        if isinstance(reach, int):
            beside = [AROUND_CHARS] if unless.around is not None else []
            beside += [words.within + 1 for words in near]  # whether a word ends there, too
            reach, behind = reach + max(beside, default=0), max(behind, *beside, 0)
        scope = self._scope(way, entry)
        match, passes, miss = self._examples(way, entry)
        rule = Rule(
            id=name,
            category=category,
            message=self._text(way, entry, "message"),
            kind=kind,
            score=self._score(way, entry),
            compiled=compiled,
            reach=reach,
            behind=behind,
            case=case,
            longest=longest,
            shadow=self._boolean(way, entry, "shadow"),
            unless=unless,
            near=near,
            channels=scope[0],
            routes=scope[1],
            match=match,
            passes=passes,
            miss=miss,
            phrases=tuple(entry[kind]) if kind == "phrases" and compiled else (),
            file=self._document.file,
            line=int(self._document.place(way).rsplit(":", 2)[1]),
            way=way,
        )
        if rule.shadow and rule.category == UNCHECKED:
            self._problem((*way, "shadow"), "`unchecked` cannot be shadowed")
        return rule if len(self._document.problems) == before else None

    # One method per field, each noting what is wrong with it.

    def _unknown(self, way: Way, entry: dict[str, Any], known: Iterable[str]) -> None:
        names = sorted(known)
        for key in entry.keys() - set(names):
            near = difflib.get_close_matches(key, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(names)}"
            self._problem((*way, key), f"unknown key {key!r}; {hint}")

    def _category(self, way: Way, entry: dict[str, Any]) -> str:
        category = entry["category"]
        if not isinstance(category, str) or not _ID.fullmatch(category):
            self._problem((*way, "category"), "a category is a word of small letters, e.g. `pii`")
            return ""
        self.categories.add(category)
        return category

    def _text(self, way: Way, entry: dict[str, Any], key: str) -> str:
        value = entry.get(key, "")
        if not isinstance(value, str):
            self._problem((*way, key), f"{key} is a text, not {type(value).__name__}")
            return ""
        return value

    def _boolean(self, way: Way, entry: dict[str, Any], key: str) -> bool:
        value = entry.get(key, False)
        if not isinstance(value, bool):
            self._problem((*way, key), f"{key} is true or false, not {value!r}")
            return False
        return value

    def _score(self, way: Way, entry: dict[str, Any]) -> float:
        score = entry.get("score", DEFAULT_SCORE)
        if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
            self._problem((*way, "score"), f"score is a number from 0 to 1, not {score!r}")
            return DEFAULT_SCORE
        return float(score)

    def _longest(self, way: Way, entry: dict[str, Any]) -> int | None:
        longest = entry.get("longest")
        if longest is None and "longest" not in entry:
            return None
        if isinstance(longest, bool) or not isinstance(longest, int):
            self._problem((*way, "longest"), "longest is a number of characters")
            return None
        if not 1 <= longest <= LONGEST_MAX_CHARS:
            self._problem((*way, "longest"), f"longest goes from 1 to {LONGEST_MAX_CHARS}")
            return None
        return longest

    def _scope(self, way: Way, entry: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        scope = entry.get("scope", {})
        if not isinstance(scope, dict):
            self._problem((*way, "scope"), "scope looks like `{channels: [content]}`")
            return (), ()
        self._unknown((*way, "scope"), scope, rule_fields.SCOPE)
        return (
            self._texts((*way, "scope", "channels"), scope.get("channels", [])),
            self._texts((*way, "scope", "routes"), scope.get("routes", [])),
        )

    def _texts(self, way: Way, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            self._problem(way, f"{way[-1]} is a list of texts")
            return ()
        return tuple(value)

    def _compile(self, way: Way, pattern: Any, *, case: bool) -> regex.Pattern[str] | None:
        if not isinstance(pattern, str) or not pattern:
            self._problem(way, "a pattern is a text that is not empty, best in single quotes")
            return None
        try:
            compiled = regex.compile(pattern, patterns.flags(case=case))
        except (regex.error, RecursionError, OverflowError, ValueError) as error:
            self._problem(way, f"not a regular expression: {error}")
            return None
        if compiled.flags & regex.REVERSE:
            self._problem(way, "(?r) reads from the end, but a text is read as it comes; remove it")
            return None
        return compiled

    def _unless(self, way: Way, entry: dict[str, Any]) -> Unless:
        unless = entry.get("unless", {})
        way = (*way, "unless")
        if not isinstance(unless, dict):
            self._problem(way, "unless looks like `{in_context: true}` or `{pattern: '…'}`")
            return Unless()
        self._unknown(way, unless, rule_fields.UNLESS)
        compiled: dict[str, regex.Pattern[str] | None] = {}
        for key in ("pattern", "around"):
            if key in unless:
                compiled[key] = self._compile((*way, key), unless[key], case=False)
                if compiled[key] is not None and patterns.runaway(unless[key]):
                    self._problem((*way, key), "this pattern can run away; remove nested repeats")
        return Unless(
            compiled.get("pattern"),
            compiled.get("around"),
            self._boolean(way, unless, "in_context"),
        )

    def _near(self, way: Way, entry: dict[str, Any], case: bool) -> tuple[Near, ...]:
        value = entry.get("near", [])
        way = (*way, "near")
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self._problem(way, "near is a list like `- {words: [invoice, bank], add: 0.3}`")
            return ()
        return tuple(
            near
            for at, one in enumerate(value)
            if (near := self._near_words((*way, at), one, case)) is not None
        )

    def _near_words(self, way: Way, entry: dict[str, Any], case: bool) -> Near | None:
        before = len(self._document.problems)
        self._unknown(way, entry, rule_fields.NEAR)
        words = self._texts((*way, "words"), entry.get("words"))
        if not words or not all(map(str.split, words)):
            self._problem(
                (*way, "words"), "near needs `words`, a list of texts, none of them empty"
            )
        add = entry.get("add")
        if isinstance(add, bool) or not isinstance(add, int | float) or not -1 <= add <= 1:
            self._problem((*way, "add"), "near needs `add`, a number from -1 to 1, for the score")
        within = entry.get("within", rule_fields.NEAR_WITHIN_CHARS)
        most = rule_fields.NEAR_WITHIN_MAX_CHARS
        if isinstance(within, bool) or not isinstance(within, int) or not 1 <= within <= most:
            self._problem((*way, "within"), f"within is a number of characters from 1 to {most}")
        if add is None or len(self._document.problems) > before:
            return None
        return Near(phrases_pattern(words, case=case), within, float(add))

    def _body(
        self, way: Way, kind: str, value: Any, case: bool, longest: int | None
    ) -> tuple[regex.Pattern[str] | None, int | Reach, int]:
        if kind == "grounding":
            if value not in GROUNDING_KINDS:
                self._problem(way, f"grounding is one of {', '.join(GROUNDING_KINDS)}")
            return None, Reach.PASSAGE, 0
        if kind == "phrases":
            return self._phrases(way, value, case)
        compiled = self._compile(way, value, case=case)
        if compiled is None:
            return None, 0, 0
        width = patterns.width(value, case=case)
        if width.empty:
            self._problem(way, "this pattern matches the empty text; ask for a character")
        if width.ahead is None:
            self._problem(way, "a lookahead without a longest match; bound it, e.g. {0,40}")
        if width.match is None and longest is None:
            self._problem(
                way, "no longest match: bound the repeats, e.g. {1,40} for +, or give `longest: N`"
            )
        if patterns.runaway(value, case=case):
            self._problem(way, "this pattern can run away; remove repeats inside repeats")
        reach = longest if longest is not None else (width.match or 0)
        return compiled, reach + (width.ahead or 0) + 1, width.behind + 1

    def _phrases(
        self, way: Way, value: Any, case: bool
    ) -> tuple[regex.Pattern[str] | None, int | Reach, int]:
        texts = self._texts(way, value)
        words = [text.split() for text in texts]
        if not all(words) or not words:
            self._problem(way, "phrases is a list of texts, none of them empty")
            return None, 0, 0
        widest = max(
            sum(map(len, phrase)) + PHRASE_BLANKS_MAX * (len(phrase) - 1) for phrase in words
        )
        return phrases_pattern(texts, case=case), widest + 2, 1

    def _examples(self, way: Way, entry: dict[str, Any]) -> list[tuple[Example, ...]]:
        examples = entry.get("examples")
        way = (*way, "examples")
        if not isinstance(examples, dict):
            self._problem(way, "a rule needs `examples:` with `match:` and `pass:`")
            return [(), (), ()]
        self._unknown(way, examples, rule_fields.EXAMPLES)
        if not examples.get("match") or not examples.get("pass"):
            self._problem(way, "a rule needs an example that matches and one that passes")
        return [
            self._example_list((*way, key), examples.get(key)) for key in ("match", "pass", "miss")
        ]

    def _example_list(self, way: Way, value: Any) -> tuple[Example, ...]:
        if value is None:
            return ()
        if not isinstance(value, list):
            self._problem(way, f"{way[-1]} is a list of examples")
            return ()
        found = (self._example((*way, at), entry) for at, entry in enumerate(value))
        return tuple(example for example in found if example is not None)

    def _example(self, way: Way, value: Any) -> Example | None:
        context: Sequence[Any] = ()
        if isinstance(value, dict):
            self._unknown(way, value, ("text", "context"))
            given = value.get("context", [])
            context = given if isinstance(given, list) else [given]
            value = value.get("text")
        if not isinstance(value, str) or not all(isinstance(text, str) for text in context):
            self._problem(way, "an example is a text, or `{text: …, context: …}`")
            return None
        text, marks, at = "", [], 0
        if way[-2] == "match":
            for mark in _MARK.finditer(value):
                text += value[at : mark.start()]
                marks.append((len(text), len(text) + len(mark[1])))
                text += mark[1]
                at = mark.end()
        return Example(text + value[at:], tuple(context), tuple(marks), way)


def phrases_pattern(texts: Sequence[str], *, case: bool) -> regex.Pattern[str]:
    """Finds whole phrases, the longest first, whatever blanks stand between their words."""
    blank = rf"\s{{1,{PHRASE_BLANKS_MAX}}}"
    spelled = [
        blank.join(map(regex.escape, text.split()))
        for text in sorted(texts, key=lambda text: -len(" ".join(text.split())))
    ]
    return regex.compile(rf"(?<!\w)(?:{'|'.join(spelled)})(?!\w)", patterns.flags(case=case))


def schema() -> dict[str, Any]:
    """The JSON Schema of a rule file, for editors."""
    return rule_fields.schema(kinds=KINDS, grounding=GROUNDING_KINDS)


def summary(rulebook: Rulebook) -> list[dict[str, object]]:
    """What `guard rules list` shows: one row per rule."""
    return [
        {
            "id": rule.id,
            "category": rule.category,
            "kind": rule.kind,
            "score": rule.score,
            "reach": rule.reach,
            "shadow": rule.shadow,
            "examples": len(rule.match) + len(rule.passes) + len(rule.miss),
            "file": f"{rule.file}:{rule.line}",
            "message": rule.message,
        }
        for rule in rulebook.rules
    ]
