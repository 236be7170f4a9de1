"""Redis elsewhere: a replica that was cut off takes over, Sentinels name a primary, a cluster."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis as Plain
from redis.asyncio import Redis

from guard.errors import SettingsError, StoreError
from guard.review.own_redis import _fit
from guard.review.scripts import client
from guard.types import State
from tests.queueing import a_store, an_item, decide, eventually
from tests.servers import free_port

ITEMS = int(os.environ.get("OUTGUARD_FAILOVER_ITEMS", "200"))
START_SECONDS = 20.0
CLUSTER_PORT_MAX = 55_000  # its nodes talk on a port 10,000 further up


@contextmanager
def server(folder: Path, *options: str, sentinel: str = "") -> Iterator[tuple[int, int]]:
    """A Redis on a port of this machine: the port, and its process."""
    folder.mkdir()
    port = next(port for _ in range(100) if (port := free_port()) < CLUSTER_PORT_MAX)
    line = ["redis-server", *([sentinel] if sentinel else [])]
    line += ["--port", str(port), "--bind", "127.0.0.1", *options]
    binary, _ = _fit(folder)
    process = subprocess.Popen(
        line, executable=binary, cwd=folder, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            with suppress(Exception), Plain(port=port) as redis:
                redis.ping()
                break
            time.sleep(0.02)
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


class Switch:
    """Passes connections on to a port that may change: what a failover looks like from outside."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = free_port()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def to(self, target: int) -> None:
        self.target = target
        for writer in list(self._writers):
            writer.transport.abort()

    async def close(self) -> None:
        self.to(0)
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._writers.add(up_writer)

        async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while chunk := await source.read(65536):
                    sink.write(chunk)
                    await sink.drain()
            sink.transport.abort()

        await asyncio.gather(copy(reader, up_writer), copy(up_reader, writer))
        self._writers -= {writer, up_writer}


@dataclass(frozen=True)
class Pair:
    """A primary and a replica that is cut off from it."""

    url: str  # the address by which clients know whoever is the primary
    primary_process: int
    replica: int
    switch: Switch

    async def fail_over(self) -> None:
        os.kill(self.primary_process, signal.SIGKILL)
        async with Redis(port=self.replica) as redis:
            await redis.slaveof()
        self.switch.to(self.replica)


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    quick = ("--repl-diskless-sync-delay", "0")
    with server(tmp_path / "primary", *quick) as (primary, process):
        link, switch = Switch(primary), Switch(primary)
        await link.open()
        await switch.open()
        line = ("--replicaof", "127.0.0.1", str(link.port))
        with server(tmp_path / "replica", *line) as (replica, _):

            async def joined() -> bool:
                async with Redis(port=replica) as redis:
                    told = await redis.info("replication")
                    return bool(told["master_link_status"] == "up")

            await eventually(joined, seconds=START_SECONDS)
            await link.close()
            yield Pair(f"redis://127.0.0.1:{switch.port}", process, replica, switch)
        await switch.close()


@pytest.mark.parametrize("spooled", [True, False], ids=["spool", "control"])
async def test_a_replica_that_was_cut_off_takes_over(
    tmp_path: Path, pair: Pair, spooled: bool
) -> None:
    async with a_store(pair.url, data=tmp_path / "data" if spooled else None) as store:
        for number in range(ITEMS):
            await store.enqueue(an_item(f"{number}"))
        for number in range(0, ITEMS, 5):
            await decide(store, f"{number}")
        await pair.fail_over()

        async def back() -> bool:
            try:
                await store.ready()
            except StoreError:
                return False
            return not store.behind

        async def complete() -> bool:
            states = (await store.stats()).states
            return states["waiting"] + states["decided"] == ITEMS

        await eventually(back, seconds=30)
        if not spooled:  # the control: an OK from Redis alone is not enough
            assert not await complete()
            return
        await eventually(complete, seconds=60)
        for number in range(ITEMS):
            found = await store.get(f"{number}")
            assert found is not None
            assert found.state is (State.WAITING if number % 5 else State.DECIDED)
        assert await store.check() == []


async def works(url: str, prefix: str = "{outguard}") -> None:
    async with a_store(url, prefix) as store:
        await store.enqueue(an_item("item"))
        waiter = asyncio.create_task(store.wait("item", 20))
        await decide(store, "item")
        ended = await waiter
        assert ended is not None
        assert ended.released
        assert await store.check() == []


async def test_a_primary_that_sentinels_name(tmp_path: Path) -> None:
    config = tmp_path / "sentinel.conf"
    with server(tmp_path / "primary") as (primary, _):
        config.write_text(f"sentinel monitor queue 127.0.0.1 {primary} 1\n")
        with server(tmp_path / "sentinel", "--sentinel", sentinel=str(config)) as (port, _):
            await works(f"redis+sentinel://127.0.0.1:{port}/queue")


async def test_a_cluster(tmp_path: Path) -> None:
    with server(tmp_path / "node", "--cluster-enabled", "yes") as (port, _):
        async with Redis(port=port) as redis:
            await redis.execute_command("CLUSTER", "ADDSLOTS", *range(16384))  # type: ignore[no-untyped-call]

            async def ready() -> bool:
                told = await redis.execute_command("CLUSTER", "INFO")  # type: ignore[no-untyped-call]
                return "cluster_state:ok" in str(told)

            await eventually(ready)
        await works(f"redis+cluster://127.0.0.1:{port}")


async def test_a_name_and_a_password(tmp_path: Path) -> None:
    with server(tmp_path / "one") as (port, _):
        async with Redis(port=port) as redis:
            await redis.acl_setuser(
                "app",
                enabled=True,
                passwords=["+s3cret"],
                keys=["{outguard}:*"],
                commands=["+eval", "+evalsha", "+xread", "+xrevrange", "+info", "+time",
                          "+@read", "+@write"],
            )  # fmt: skip
        url = f"redis://app:s3cret@127.0.0.1:{port}"
        async with a_store(url) as store:
            await store.enqueue(an_item("item"))
            await decide(store, "item")
            assert (await store.stats()).states["decided"] == 1
        async with a_store(url.replace("s3cret", "wrong")) as store:
            with pytest.raises(StoreError, match="name or password") as raised:
                await store.ready()
            assert "wrong" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["redis+sentinel://127.0.0.1:1", "redis+sentinel://127.0.0.1/queue", "redis+x://a:1"]
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(SettingsError, match=r"redis\+sentinel://HOST:PORT/SERVICE"):
        client(url, answer_seconds=1)
