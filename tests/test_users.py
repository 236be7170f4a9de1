"""The people's file: hashes only, nobody else reads it, nobody is forgotten."""

import io
import json
import threading
from pathlib import Path

import pytest

from guard.cli import main
from guard.errors import SettingsError
from guard.review.page.roles import Role
from guard.review.page.users import Users

PASSWORD = "a long enough password"


@pytest.fixture
def users(tmp_path: Path) -> Users:
    return Users(tmp_path)


def test_who_was_added_matches_with_the_right_password_only(users: Users) -> None:
    users.add("ana", Role.SENIOR, PASSWORD)
    found = users.matching("ana", PASSWORD)
    assert found is not None and found.role is Role.SENIOR
    for name, password in (("ana", PASSWORD + "x"), ("ana", ""), ("ben", PASSWORD), ("", "")):
        assert users.matching(name, password) is None


def test_the_file_holds_hashes_and_is_for_its_owner_alone(users: Users, tmp_path: Path) -> None:
    users.add("ana", Role.REVIEWER, PASSWORD)
    file = tmp_path / "users.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in file.read_text()
    assert json.loads(file.read_text())["users"]["ana"]["hash"].startswith("$argon2id$")


def test_the_disabled_come_in_no_more_and_are_not_forgotten(users: Users) -> None:
    users.add("ana", Role.REVIEWER, PASSWORD)
    users.disable("ana")
    assert users.matching("ana", PASSWORD) is None
    assert users.get("ana") is None
    assert [(user.name, user.disabled) for user in users.all()] == [("ana", True)]
    users.add("ana", Role.AUDITOR, PASSWORD)
    assert users.get("ana") is not None


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("", PASSWORD),
        ("a b", PASSWORD),
        ("<b>", PASSWORD),
        ("x" * 65, PASSWORD),
        ("token", PASSWORD),
        ("policy", PASSWORD),
        ("ana", "short"),
        ("ana", "x" * 2000),
    ],
)
def test_wrong_names_and_passwords_are_refused(users: Users, name: str, password: str) -> None:
    with pytest.raises(SettingsError):
        users.add(name, Role.REVIEWER, password)
    assert users.all() == []


def test_nobody_is_added_twice_and_nobody_unknown_is_disabled(users: Users) -> None:
    users.add("ana", Role.REVIEWER, PASSWORD)
    with pytest.raises(SettingsError, match="here already"):
        users.add("ana", Role.ADMIN, PASSWORD)
    with pytest.raises(SettingsError, match="nobody is called"):
        users.disable("ben")


def test_people_added_at_once_are_all_kept(tmp_path: Path) -> None:
    def add(name: str) -> None:
        Users(tmp_path).add(name, Role.REVIEWER, PASSWORD)

    threads = [threading.Thread(target=add, args=(f"p{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Users(tmp_path).all()) == 4


def test_an_open_list_sees_what_another_process_changed(users: Users, tmp_path: Path) -> None:
    assert users.all() == []
    Users(tmp_path).add("ana", Role.REVIEWER, PASSWORD)
    assert users.get("ana") is not None


def test_a_broken_file_lets_nobody_in(users: Users, tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text("{")
    with pytest.raises(SettingsError, match="cannot be read"):
        users.matching("ana", PASSWORD)


def test_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*words: str, given: str = "") -> tuple[int | str | None, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        with pytest.raises(SystemExit) as ended:
            main(["users", *words, "--data", str(tmp_path)])
        return ended.value.code, capsys.readouterr().out

    assert "nobody yet" in run("list")[1]
    assert run("add", "ana", "--role", "senior", given=PASSWORD + "\n")[0] == 0
    assert run("add", "ben", given="short\n")[0] == 2
    assert json.loads(run("list", "--json")[1]) == [
        {"name": "ana", "role": "senior", "disabled": False}
    ]
    assert run("disable", "ana")[0] == 0
    assert "disabled" in run("list")[1]
    assert run("disable")[0] == 2
