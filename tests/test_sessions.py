"""Sessions: bounded, ending by themselves, known to all workers, useless to who reads the file."""

from pathlib import Path

import pytest

from guard.review.page.sessions import (
    PERSON_MAX,
    SESSION_SECONDS,
    TRIES_MAX,
    TRIES_SECONDS,
    Sessions,
)


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_session_is_known_to_others_until_it_ends(tmp_path: Path) -> None:
    one, other = Sessions(tmp_path), Sessions(tmp_path)
    name, session = one.open("ana")
    assert other.get(name) == session
    assert other.get(name + "x") is None
    other.end(name)
    assert one.get(name) is None


def test_a_session_ends_by_itself(tmp_path: Path) -> None:
    clock = Clock()
    sessions = Sessions(tmp_path, clock=clock)
    name, _ = sessions.open("ana")
    clock.now += SESSION_SECONDS - 1
    assert sessions.get(name) is not None
    clock.now += 1
    assert sessions.get(name) is None


def test_the_file_holds_no_id_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    name, _ = sessions.open("ana")
    for file in tmp_path.iterdir():
        assert name.encode() not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0


def test_the_oldest_go_when_one_person_has_too_many(tmp_path: Path) -> None:
    clock = Clock()
    sessions = Sessions(tmp_path, clock=clock)
    other, _ = sessions.open("ben")
    names = []
    for _ in range(PERSON_MAX + 2):
        clock.now += 1
        names.append(sessions.open("ana")[0])
    assert [sessions.get(name) is None for name in names[:3]] == [True, True, False]
    assert sessions.get(other) is not None


def test_all_sessions_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guard.review.page.sessions.SESSIONS_MAX", 30)
    clock = Clock()
    sessions = Sessions(tmp_path, clock=clock)
    names = []
    for number in range(31):
        clock.now += 0.001
        names.append(sessions.open(f"p{number}")[0])
    assert sessions.get(names[0]) is None
    assert sessions.get(names[1]) is not None


def test_too_many_wrong_passwords_are_refused_for_a_while(tmp_path: Path) -> None:
    clock = Clock()
    sessions = Sessions(tmp_path, clock=clock)
    for _ in range(TRIES_MAX):
        assert not sessions.blocked("ana 1.2.3.4")
        sessions.failed("ana 1.2.3.4")
    assert sessions.blocked("ana 1.2.3.4")
    assert not sessions.blocked("ben 1.2.3.4")
    clock.now += TRIES_SECONDS + 1
    assert not sessions.blocked("ana 1.2.3.4")
