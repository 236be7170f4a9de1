"""What is kept is sealed, opens only in its place, and is gone with its key."""

import stat
from pathlib import Path

import pytest

from guard.errors import SettingsError, StoreError
from guard.review.own_redis import OwnRedis
from guard.review.sealing import Vault, load_vault
from tests.queueing import VAULT, a_store, an_item, decide

PLAIN = b"what the model said " * 10
ONE, TWO = f"one:{'1' * 64}", f"two:{'2' * 64}"


def test_it_opens_in_its_place_alone() -> None:
    sealed = VAULT.seal(PLAIN, "item 1")
    assert VAULT.open(sealed, "item 1") == PLAIN
    assert PLAIN[:8] not in sealed
    assert VAULT.seal(PLAIN, "item 1") != sealed
    for changed in (sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed + b"x"):
        with pytest.raises(StoreError, match="changed"):
            VAULT.open(changed, "item 1")
    with pytest.raises(StoreError, match="another place"):
        VAULT.open(sealed, "item 2")


def test_keys_rotate_and_a_dropped_one_erases(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(ONE)
    old = load_vault(str(file), tmp_path).seal(PLAIN, "p")
    file.write_text(f"{TWO}\n{ONE}\n")
    both = load_vault(str(file), tmp_path)
    assert both.current == "two"
    assert both.open(old, "p") == PLAIN
    new = both.seal(PLAIN, "p")
    file.write_text(f"{TWO}\n")
    left = load_vault(str(file), tmp_path)
    assert left.open(new, "p") == PLAIN
    with pytest.raises(StoreError, match="'one', which is not here"):
        left.open(old, "p")


def test_a_key_is_made_once_and_for_us_alone(tmp_path: Path) -> None:
    sealed = load_vault("", tmp_path / "data").seal(PLAIN, "p")
    assert load_vault("", tmp_path / "data").open(sealed, "p") == PLAIN
    assert stat.S_IMODE((tmp_path / "data" / "keys").stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["keys"]
    assert load_vault(f"{ONE},{TWO}", tmp_path).current == "one"


@pytest.mark.parametrize("text", ["", "one:12", f"{ONE}\n{ONE}", "ä", "one"])
def test_a_wrong_file_stops_the_start(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys"
    file.write_text(text)
    with pytest.raises(SettingsError, match=str(file)):
        load_vault(str(file), tmp_path)


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_vault(str(tmp_path / "none"), tmp_path)


def test_digests_are_keyed_and_each_use_has_its_own() -> None:
    assert VAULT.digest("twin", PLAIN) == VAULT.digest("twin", PLAIN)
    assert VAULT.digest("twin", PLAIN) != VAULT.digest("content", PLAIN)
    assert VAULT.digest("twin", PLAIN) != Vault.fresh().digest("twin", PLAIN)


async def test_nothing_readable_is_on_the_disk(tmp_path: Path) -> None:
    """Neither Redis's file nor the spool holds a word of what was said, before or after."""
    with OwnRedis(tmp_path) as url:
        async with a_store(url, data=tmp_path) as store:
            await store.enqueue(an_item("item", text="sesame"))
            claim = await store.claim_one("item", reviewer="ann")
            await store.skip("item", token=claim.token, reviewer="ann", decision_id="s",
                             reason="sesame?")  # fmt: skip
            await decide(store, "item", reason="sesame!", outcome="edit", edits={"text": "sesame."})
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) >= 3
    assert not [file for file in files if b"sesame" in file.read_bytes()]


async def test_a_missing_key_is_told_and_lists_go_on(tmp_path: Path) -> None:
    with OwnRedis(tmp_path) as url:
        async with a_store(url) as store:
            await store.enqueue(an_item("item"))
        async with a_store(url) as store:
            store.views._vault = Vault({"other": b"2" * 32})
            with pytest.raises(StoreError, match="which is not here"):
                await store.get("item")
            rows, _ = await store.listing(state=None, cursor="", limit=9)
            assert [row.id for row in rows] == ["item"]
