"""The commands. Exit codes: 0 well, 1 something was found, 2 usage, settings or rules are wrong."""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvicorn

from guard import app, batch, demo, evaluate, explain, logs, rule_bench, settings
from guard.detectors.toxicity import load_engine
from guard.errors import GuardError, RuleError, SettingsError
from guard.examples import check as check_examples
from guard.review.own_redis import kept
from guard.rules import Rulebook, load, schema, summary

START_SECONDS = 30  # the demo's upstream needs about one
DRAIN_SECONDS = 30  # how long open replies may take to end after SIGTERM


def main(argv: list[str] | None = None) -> None:
    """Runs a command and exits with its code."""
    arguments = _parser().parse_args(argv)
    try:
        sys.exit(arguments.run(arguments))
    except RuleError as error:
        print(error, file=sys.stderr)
        checked = arguments.command == "rules" and arguments.what in ("lint", "test")
        sys.exit(1 if checked else 2)
    except GuardError as error:
        print(f"guard: {error}", file=sys.stderr)
        sys.exit(2)
    except (BrokenPipeError, KeyboardInterrupt):
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="guard", description="Reads every reply of a model before anybody else does."
    )
    parser.add_argument("--version", action="version", version=version("outguard"))
    commands = parser.add_subparsers(dest="command", required=True)

    for name, help, run in (
        ("serve", "guard a model endpoint", _serve),
        ("demo", "guard a scripted model, to try things out", _demo),
        ("doctor", "say what is in use, and what is unsafe about it", _doctor),
    ):
        command = commands.add_parser(name, help=help)
        command.set_defaults(run=run)
        command.add_argument("--config", help="a guard.yaml")
        for option, kind, sentence in settings.options():
            command.add_argument(f"--{option.replace('_', '-')}", type=kind, help=sentence)

    check = commands.add_parser("check", help="judge texts in files")
    check.set_defaults(run=_check)
    check.add_argument("files", nargs="*", default=["-"], help="files, or - for standard input")
    check.add_argument("--format", choices=batch.FORMATS, default="")
    check.add_argument("--text-field", default="text")
    check.add_argument("--context-field", default="context")
    check.add_argument("--output", default="", help="where the rows go, JSON lines")
    check.add_argument("--rules", help="a folder of rule files")
    check.add_argument("--engine", help="the toxicity engine")

    rules = commands.add_parser("rules", help="check, show, explain and measure rules")
    rules.set_defaults(run=_rules)
    rules.add_argument("what", choices=("lint", "test", "list", "schema", "explain", "bench"))
    rules.add_argument("folder", nargs="?", help="a folder of rules; the shipped one if absent")
    rules.add_argument("--text", help="explain: the text to try, or - for standard input")
    rules.add_argument("--context", action="append", default=[], help="explain: a source")
    rules.add_argument("--json", action="store_true")

    score = commands.add_parser("score", help="toxicity scores of a text")
    score.set_defaults(run=_score)
    score.add_argument("text", nargs="?", default="-")
    score.add_argument("--engine", default="auto")
    score.add_argument("--json", action="store_true")

    quality = commands.add_parser("eval", help="quality on labelled texts, per set")
    quality.set_defaults(run=_eval)
    quality.add_argument("what", choices=("toxicity",))
    quality.add_argument("file")
    quality.add_argument("--engine", default="auto")
    quality.add_argument("--json", action="store_true")

    models = commands.add_parser("models", help="train the shipped engines, export Detoxify's")
    models.set_defaults(run=_models)
    models.add_argument("what", choices=("train", "export"))
    models.add_argument("engine", nargs="?", default="compact", help="compact, student, detoxify-…")
    models.add_argument("--data", help="labelled texts to train on, JSON lines")
    models.add_argument("--int8", action="store_true", help="export in eight bits")
    models.add_argument("--output", required=True, help="the file of weights to write")

    review = commands.add_parser("review", help="the review queue, over HTTP")
    review.set_defaults(run=_review)
    review.add_argument("what", choices=("list", "show", "approve", "edit", "reject"))
    review.add_argument("id", nargs="?", default="")
    review.add_argument("--url", default="http://127.0.0.1:8080")
    review.add_argument("--token", default=os.environ.get("GUARD_TOKEN", ""))
    review.add_argument("--reason", default="")
    review.add_argument("--text", default="", help="of an edit: what takes the text's place")
    review.add_argument("--channel", default="", help="of an edit, where a reply has several texts")
    review.add_argument("--state", default="waiting", help="of the items to list")
    review.add_argument("--json", action="store_true")
    return parser


def _settings(arguments: argparse.Namespace) -> settings.Settings:
    given = {name: getattr(arguments, name, None) for name, _, _ in settings.options()}
    config = getattr(arguments, "config", None) or os.environ.get("GUARD_CONFIG")
    return settings.read(given, config=Path(config) if config else None)


def _serve(arguments: argparse.Namespace) -> int:
    chosen = _settings(arguments)
    if not chosen.upstream:
        raise SettingsError("no upstream: give --upstream URL, e.g. https://api.example.com")
    return _run(chosen)


def _run(chosen: settings.Settings, *, banner: str = "") -> int:
    """Serves until SIGTERM or Ctrl-C, with a private Redis where none is given."""
    given = bool(chosen.token)
    chosen = replace(chosen, token=app.ensure_token(chosen))
    app.build_inspector(chosen)  # every mistake now, before anything is started
    # uvicorn drains at SIGTERM and then raises it again: that one must not end us before Redis.
    signal.signal(signal.SIGTERM, lambda *_: None)
    own = contextlib.nullcontext(chosen.redis) if chosen.redis else kept(Path(chosen.data))
    with own as redis:
        chosen = replace(chosen, redis=redis)
        if banner:
            print(banner, flush=True)
        else:
            where = "as given" if given else f"in {chosen.data}/token"
            print(f"guard: http://{chosen.host}:{chosen.port}, token {where}", flush=True)
        _listen(chosen)
    return 0


def _listen(chosen: settings.Settings) -> None:
    common: dict[str, Any] = {
        "host": chosen.host,
        "port": chosen.port,
        "ws": "none",
        "access_log": False,
        "log_level": "critical",
        "server_header": False,
        "date_header": False,
        "timeout_graceful_shutdown": DRAIN_SECONDS,
    }
    logs.set_up()
    if chosen.workers == 1:
        uvicorn.run(app.App(chosen, examples=False), **common)
        return
    os.environ[app.SETTINGS_VARIABLE] = app.pack(chosen)
    with tempfile.TemporaryDirectory(prefix="guard-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        uvicorn.run("guard.app:worker", factory=True, workers=chosen.workers, **common)


def _demo(arguments: argparse.Namespace) -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    chosen = replace(_settings(arguments), upstream=f"http://127.0.0.1:{port}")
    model = multiprocessing.get_context("spawn").Process(
        target=demo.serve_upstream, args=(port,), daemon=True
    )
    model.start()
    try:
        _await_port(port)
        url = f"http://{chosen.host}:{chosen.port}"
        return _run(chosen, banner=demo.banner(url, f"{chosen.data}/token"))
    finally:
        model.terminate()
        model.join()


def _await_port(port: int) -> None:
    """Waits until somebody listens on a port of this machine."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SettingsError("the demo's upstream did not start")


def _doctor(arguments: argparse.Namespace) -> int:
    chosen = _settings(arguments)
    inspector, engine = app.build_inspector(chosen)
    print(f"engine    {engine.name}: {', '.join(engine.categories)}")
    print(f"rules     {inspector.digest}; hold-back {inspector.cuts.hold_back} characters")
    print(f"redis     {chosen.redis or 'a private one in ' + chosen.data}")
    print(f"upstream  {chosen.upstream or 'none'}")
    problems = []
    if not chosen.upstream:
        problems.append("no upstream: `guard serve` needs --upstream URL")
    if chosen.host not in ("127.0.0.1", "::1", "localhost"):
        problems.append(f"listens on {chosen.host}: put TLS and access control in front")
    for problem in problems:
        print(f"unsafe    {problem}")
    return 1 if problems else 0


def _check(arguments: argparse.Namespace) -> int:
    inspector, _ = app.build_inspector(_settings(arguments), examples=False)
    return batch.check_files(
        inspector,
        arguments.files,
        format=arguments.format,
        text_field=arguments.text_field,
        context_field=arguments.context_field,
        output=arguments.output,
    )


def _rules(arguments: argparse.Namespace) -> int:
    folder = Path(arguments.folder) if arguments.folder else None
    if arguments.what == "schema":
        print(json.dumps(schema(), indent=None if arguments.json else 2))
    elif arguments.what in ("lint", "test"):
        _rules_checked(arguments, folder)
    elif arguments.what == "list":
        rows = summary(load(folder, domains=True))
        _show(arguments, rows, "\n".join(map(_rule_line, rows)))
    elif arguments.what == "bench":
        cost = rule_bench.measure(load(folder, domains=True))
        _show(arguments, cost, rule_bench.told(cost))
    else:
        answer = explain.explain(load(folder), _text_to_explain(arguments), (*arguments.context,))
        _show(arguments, answer, explain.told(answer))
    return 0


def _show(arguments: argparse.Namespace, data: Any, text: str) -> None:
    print(json.dumps(data, ensure_ascii=False) if arguments.json else text)


def _rule_line(row: dict[str, object]) -> str:
    return f"{row['id']:<36} {row['category']:<16} {row['kind']:<10} {row['score']}"


def _text_to_explain(arguments: argparse.Namespace) -> str:
    if arguments.text is None:
        raise SettingsError("guard rules explain needs --text TEXT, or --text - for standard input")
    return sys.stdin.read() if arguments.text == "-" else str(arguments.text)


def _rules_checked(arguments: argparse.Namespace, folder: Path | None) -> None:
    """Prints what `lint` or `test` has to say of rules without a mistake."""
    if arguments.what == "lint":
        rulebook, count, ran = load(folder, domains=True), 0, ""
    else:
        rulebook, count = check_examples(folder, domains=True)
        ran = f", {count} examples as they should be"
    data: dict[str, Any] = {
        "rules": len(rulebook.rules),
        "examples": count,
        "hold_back": rulebook.hold_back,
        "digest": rulebook.digest,
    }
    lines = [
        f"{len(rulebook.rules)} rules well{ran}; hold-back {rulebook.hold_back} characters",
        *(_widest(rulebook) if arguments.what == "lint" else ()),
    ]
    _show(arguments, data, "\n".join(lines))


def _widest(rulebook: Rulebook) -> list[str]:
    """The rules that cost most in delay."""
    widths = [(rule.reach, rule.id) for rule in rulebook.rules if isinstance(rule.reach, int)]
    widest = sorted(widths, key=lambda width: -width[0])[:3]
    return [f"  {name} holds text back by {reach} characters" for reach, name in widest]


def _score(arguments: argparse.Namespace) -> int:
    text = sys.stdin.read() if arguments.text == "-" else arguments.text
    engine = load_engine(arguments.engine)
    row = engine.score([text])[0]
    scores = {
        name: round(float(score), 4) for name, score in zip(engine.categories, row, strict=True)
    }
    if arguments.json:
        print(json.dumps(scores))
    else:
        for name, score in scores.items():
            print(f"{name:<16} {score:.4f}")
    return 0


def _eval(arguments: argparse.Namespace) -> int:
    result = evaluate.evaluate_toxicity(load_engine(arguments.engine), Path(arguments.file))
    print(json.dumps(result) if arguments.json else evaluate.render_table(result))
    return 0


def _models(arguments: argparse.Namespace) -> int:
    # What these need beyond guarding is imported for each alone.
    output, progress = Path(arguments.output), sys.stderr.isatty()
    data = Path(arguments.data) if arguments.data else None
    if arguments.what == "export":
        from guard.detectors.toxicity.export import export

        told = export(arguments.engine, output, int8=arguments.int8)
    elif arguments.engine == "compact":
        from guard.detectors.toxicity.train import train_compact

        told = train_compact(data, output, progress=progress)
    elif arguments.engine == "student":
        from guard.detectors.toxicity.train_student import train_student

        told = train_student(data, output, progress=progress)
    else:
        raise SettingsError(f"engine {arguments.engine!r} is not trained here: compact or student")
    print(json.dumps(told))
    return 0


def _review(arguments: argparse.Namespace) -> int:
    def call(path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            arguments.url.rstrip("/") + path,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"authorization": f"Bearer {arguments.token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise SettingsError(_told(error)) from error
        except (OSError, ValueError) as error:
            raise SettingsError(f"--url {arguments.url}: no guard answers there") from error

    if arguments.what == "list":
        rows = call(f"/guard/v1/reviews?state={arguments.state}")["reviews"]
        if arguments.json:
            print(json.dumps(rows))
        else:
            for row in rows:
                print(
                    f"{row['id']}  {row['state']:<8} {row['route']:<12} {', '.join(row['rules'])}"
                )
            print(f"{len(rows)} {arguments.state}")
        return 0
    if not arguments.id:
        raise SettingsError(f"guard review {arguments.what} needs the id of a review")
    if arguments.what == "show":
        print(json.dumps(call(f"/guard/v1/reviews/{arguments.id}"), indent=2, ensure_ascii=False))
        return 0
    body = {"id": arguments.id, "outcome": arguments.what, "reason": arguments.reason}
    if arguments.what == "edit":
        texts = call(f"/guard/v1/reviews/{arguments.id}")["item"]["texts"]
        if not arguments.channel and len(texts) != 1:
            raise SettingsError(f"name a text with --channel, one of: {', '.join(texts)}")
        body["edits"] = {arguments.channel or next(iter(texts)): arguments.text}
    answer = call("/guard/v1/decisions", body)
    print(json.dumps(answer) if arguments.json else f"{answer['id']}: {answer['outcome']}")
    return 0


def _told(error: urllib.error.HTTPError) -> str:
    try:
        body = json.load(error)
        told = body["error"].get("message") or f"already decided: {body['decision']['outcome']}"
    except (ValueError, KeyError, TypeError, AttributeError):
        told = "no more is known"
    hint = "; give --token or GUARD_TOKEN" if error.code == 401 else ""
    return f"{error.code}: {told}{hint}"
