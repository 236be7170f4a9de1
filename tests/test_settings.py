"""Settings: which source wins, where a wrong one stands, and which route a request is of."""

from pathlib import Path
from typing import Any

import pytest

from guard.errors import SettingsError
from guard.settings import DEFAULT_ROUTE, Settings, read


def file(folder: Path, text: str) -> Path:
    path = folder / "guard.yaml"
    path.write_text(text)
    return path


def wrong(text: str, folder: Path, **given: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        read(given, config=file(folder, text), environment={})
    return str(caught.value)


def test_the_command_line_wins_then_the_environment_then_the_file(tmp_path: Path) -> None:
    config = file(tmp_path, "port: 1\nhost: file\nworkers: 3\n")
    environment = {"GUARD_PORT": "2", "GUARD_HOST": "environment", "GUARD_REDIS": ""}
    found = read({"port": 3, "host": None}, config=config, environment=environment)
    assert (found.port, found.host, found.workers) == (3, "environment", 3)
    assert (found.redis, found.data) == (Settings().redis, Settings().data)


def test_every_wrong_setting_is_told_with_its_place(tmp_path: Path) -> None:
    config = file(tmp_path, "workers: many\nprot: 5\nread_timeout_seconds: -1\n")
    environment = {"GUARD_PORT": "99999", "GUARD_EVENT_LIMIT_BYTES": "1.5"}
    with pytest.raises(SettingsError) as caught:
        read({"upstream": "ftp://x"}, config=config, environment=environment)
    told = str(caught.value)
    for part in (
        f"{config}:1:10: workers: a whole number is needed, not 'many'",
        f"{config}:2:7: unknown key 'prot'; did you mean 'port'?",
        f"{config}:3:23: read_timeout_seconds: more than 0, not -1",
        "GUARD_PORT: port: a number from 0 to 65535, not 99999",
        "GUARD_EVENT_LIMIT_BYTES: event_limit_bytes: a whole number is needed, not '1.5'",
        "--upstream: upstream: give a URL",
    ):
        assert part in told, told


@pytest.mark.parametrize("port", [".inf", ".nan", "80.5", "[1]", "true", "-1", "1e9"])
def test_a_port_is_a_whole_number(tmp_path: Path, port: str) -> None:
    assert "port" in wrong(f"port: {port}\n", tmp_path)


@pytest.mark.parametrize("url", ["example.com", "http://", "http://x:99999", "http://[::1", "x:/"])
def test_an_upstream_is_a_url(url: str) -> None:
    with pytest.raises(SettingsError, match="upstream"):
        read({"upstream": url}, environment={})


@pytest.mark.parametrize(
    ("route", "told"),
    [
        ("{}", "a route is a mapping with a `name:`"),
        ("{name: a, on_revew: hold}", "did you mean 'on_review'?"),
        ("{name: a, on_review: wait}", "one of withhold, hold, release, not 'wait'"),
        ("{name: a, guard: true}", "one of on, off, not True"),
        ("{name: a, hold_seconds: 0}", "above 0, not 0"),
        ("{name: a, hold_seconds: .nan}", "above 0, not nan"),
        ("{name: a, deadline_seconds: .inf}", "above 0, not inf"),
        ("{name: a, refusal: 5}", "refusal is a text"),
        ("{name: a, sources: tool}", "sources is a list of"),
        ("{name: a, sources: [web]}", "sources is a list of"),
        ("{name: a, trust_context: 1}", "true or false"),
        ("{name: a, match: /v1}", "match looks like"),
        ("{name: a, match: {path: 5}}", "match has path"),
    ],
)
def test_a_wrong_route(tmp_path: Path, route: str, told: str) -> None:
    message = wrong(f"routes:\n  - {route}\n", tmp_path)
    assert told in message
    assert f"{tmp_path}/guard.yaml:2:" in message


def test_routes_are_a_list_of_different_names(tmp_path: Path) -> None:
    assert "routes is a list" in wrong("routes: {}\n", tmp_path)
    assert "doubled route name 'a'" in wrong("routes: [{name: a}, {name: a}]\n", tmp_path)
    assert "mapping" in wrong("- a\n", tmp_path)


def test_a_config_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--config"):
        read({}, config=tmp_path / "none", environment={})


def test_the_first_route_that_matches_wins(tmp_path: Path) -> None:
    text = """
routes:
  - {name: app, match: {model: 'gpt-*', header: {X-App: support}}, guard: off}
  - {name: chat, match: {path: /v1/chat/*}, on_review: hold, sources: [user]}
"""
    found = read({}, config=file(tmp_path, text), environment={})
    assert found.route("/v1/chat/completions", "gpt-4", {"x-app": "support"}).name == "app"
    assert found.route("/v1/chat/completions", "gpt-4", {}).name == "chat"
    assert found.route("/v2/chat", "gpt-4", {"x-app": "sales"}) is DEFAULT_ROUTE
    chat = found.route("/v1/chat/completions", "", {})
    assert (chat.guard, chat.on_review, chat.sources) == (True, "hold", ("user",))


@pytest.mark.parametrize(
    ("path", "guarded"),
    [
        ("/v1/models", False),
        ("/v1/models/gpt-4", False),
        ("/v1/embeddings", False),
        ("/v1/chat/completions", True),
        ("/v1/models/gemini-pro:generateContent", True),  # it generates
        ("/v1/models/../chat/completions", True),
        ("/v1/modelsx", True),
        ("/V1/MODELS", True),
    ],
)
def test_shipped_routes_that_are_off(path: str, guarded: bool) -> None:
    assert Settings().route(path, "", {}).guard is guarded
