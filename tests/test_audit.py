"""The audit trail: whatever is done to its files is found; a crash is no tampering."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from pathlib import Path

import pytest

from guard.errors import StoreError
from guard.review import audit
from guard.review.audit import Trail, verify
from guard.review.auditing import Auditor
from guard.review.own_redis import OwnRedis
from guard.review.sealing import Vault
from tests.queueing import VAULT, a_store, an_item, decide, eventually

TAMPERINGS = int(os.environ.get("OUTGUARD_TAMPERINGS", "1000"))
SEED = int(os.environ.get("OUTGUARD_SEED", "1"))


def steps(first: int, last: int) -> list[tuple[str, dict[str, str]]]:
    return [
        (f"{n}-0", {"n": str(n), "event": "decided", "item": f"item {n}", "who": "ann"})
        for n in range(first, last + 1)
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trail of 60 lines in several files."""
    monkeypatch.setattr(audit, "FILE_BYTES", 3000)
    trail = Trail(tmp_path / "audit", VAULT)
    assert trail.open()
    for first in range(1, 61, 5):
        trail.append(steps(first, first + 4))
    trail.close()
    assert len(list((tmp_path / "audit").glob("*.jsonl"))) > 2
    return tmp_path / "audit"


def tamper(folder: Path, chance: random.Random) -> str:
    """Does something to a trail; what it was. Never nothing."""
    files = sorted(folder.glob("*.jsonl"))
    file = chance.choice(files)
    text = file.read_bytes()
    lines = text.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    kind = chance.choice(
        ["byte", "remove", "swap", "double", "cut", "add", "delete", "head", "no head", "blank"]
    )
    match kind:
        case "byte":
            place = chance.randrange(len(text))
            other = chance.choice([byte for byte in range(256) if byte != text[place]])
            file.write_bytes(text[:place] + bytes([other]) + text[place + 1 :])
        case "remove":
            file.write_bytes(b"".join(lines[:at] + lines[at + 1 :]))
        case "swap":
            other = (at + 1) % len(lines)
            lines[at], lines[other] = lines[other], lines[at]
            file.write_bytes(b"".join(lines))
        case "double":
            file.write_bytes(b"".join([*lines[: at + 1], *lines[at:]]))
        case "cut":
            last = files[-1]
            size = last.stat().st_size
            os.truncate(last, size - chance.randrange(1, size))
        case "add":
            with files[-1].open("ab") as out:
                out.write(lines[at].replace(b"ann", b"bob"))
        case "delete":
            file.unlink()
        case "head":
            head = folder / "head"
            raw = bytearray(head.read_bytes())
            place = chance.randrange(len(raw))
            raw[place] = raw[place] ^ (1 << chance.randrange(7))
            head.write_bytes(bytes(raw))
        case "no head":
            (folder / "head").unlink()
        case "blank":
            file.write_bytes(b"".join([*lines[:at], b"\n", *lines[at:]]))
    return kind


def test_an_untouched_trail_is_right(folder: Path) -> None:
    head, problems = verify(folder, VAULT)
    assert (head.lines, head.n, problems) == (60, 60, [])


def test_each_of_many_tamperings_is_found(folder: Path, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    missed = []
    for number in range(TAMPERINGS):
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy)
        kind = tamper(copy, chance)
        if not verify(copy, VAULT)[1]:
            missed.append((number, kind))
        shutil.rmtree(copy)
    assert missed == []


def test_an_older_copy_is_found_by_the_queues_own_count(folder: Path, tmp_path: Path) -> None:
    """Files and head put back together look right: what `guard review stats` counts is more."""
    old = tmp_path / "old"
    shutil.copytree(folder, old)
    trail = Trail(folder, VAULT)
    assert trail.open()
    trail.append(steps(61, 70))
    trail.close()
    assert verify(old, VAULT)[0].n < verify(folder, VAULT)[0].n == 70


def test_steps_that_redis_lost_are_told(folder: Path) -> None:
    trail = Trail(folder, VAULT)
    assert trail.open()
    trail.append(steps(65, 66))
    trail.close()
    (problem,) = verify(folder, VAULT)[1]
    assert problem.endswith("steps 61 to 64 are missing")


def test_a_redis_that_lost_its_memory_is_noted(folder: Path) -> None:
    trail = Trail(folder, VAULT)
    assert trail.open()
    trail.append(steps(50, 52))
    trail.close()
    head, problems = verify(folder, VAULT)
    assert (head.lines, head.n, problems) == (64, 52, [])
    assert "rolled_back" in sorted(folder.glob("*.jsonl"))[-1].read_text()


@pytest.mark.parametrize("lost", range(1, 170, 13))
def test_a_crash_between_line_and_head_is_mended(folder: Path, tmp_path: Path, lost: int) -> None:
    """The lines are synced first: what the head does not count yet may be torn."""
    head = (folder / "head").read_bytes()
    trail = Trail(folder, VAULT)
    assert trail.open()
    trail.append(steps(61, 61))
    trail.close()
    (folder / "head").write_bytes(head)
    last = sorted(folder.glob("*.jsonl"))[-1]
    os.truncate(last, last.stat().st_size - lost)
    again = Trail(folder, VAULT)
    assert again.open()
    again.append(steps(again.head.n + 1, 65))
    again.close()
    head_now, problems = verify(folder, VAULT)
    assert (head_now.n, problems) == (65, [])


def test_keys_rotate_within_a_trail(folder: Path) -> None:
    raw = {"new": b"n" * 32, **VAULT._raw}
    trail = Trail(folder, Vault(raw))
    assert trail.open()
    trail.append(steps(61, 62))
    trail.close()
    assert verify(folder, Vault(raw))[1] == []
    (problem,) = verify(folder, Vault({"new": b"n" * 32}))[1]
    assert "is not here" in problem


def test_one_writes_at_a_time(tmp_path: Path) -> None:
    first, second = Trail(tmp_path, VAULT), Trail(tmp_path, VAULT)
    assert first.open()
    assert not second.open()
    first.close()
    assert second.open()
    second.close()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("a file")
    with pytest.raises(StoreError, match="cannot be written"):
        Trail(tmp_path / "audit", VAULT).open()
    assert "no audit trail" in verify(tmp_path / "nowhere", VAULT)[1][0]


async def test_every_step_of_the_queue_gets_there(tmp_path: Path) -> None:
    with OwnRedis(tmp_path) as url:
        async with a_store(url) as store:
            auditors = [Auditor(url, store.run.audit, tmp_path / "a", VAULT) for _ in range(2)]
            running = [asyncio.create_task(auditor.run()) for auditor in auditors]
            for number in range(30):
                await store.enqueue(an_item(f"secret {number}"))
            claim = await store.claim_one("secret 3", reviewer="ann")
            await decide(store, "secret 3", token=claim.token)

            async def written() -> bool:
                return verify(tmp_path / "a", VAULT)[0].n == 32

            await eventually(written)
            for task in running:
                task.cancel()
            for auditor in auditors:
                await auditor.close()
    assert verify(tmp_path / "a", VAULT)[1] == []
    text = (tmp_path / "a" / "audit-000001.jsonl").read_text()
    assert '"who": "ann"' in text
    assert "what the model said" not in text
