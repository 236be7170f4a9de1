"""The page's figures: weight, first paint, and how long from a key to the next item.

`python -m tests.bench_page [--waiting 100000] [--decisions 100]`, in a real Chromium before a guard
with its own Redis. The items are put into the queue by the store itself.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, Request
from redis.asyncio import Redis

from guard.review.own_redis import OwnRedis
from guard.review.page.roles import Role
from guard.review.sealing import load_vault
from guard.review.store import ReviewStore
from guard.types import Exchange, Finding, ReviewItem
from tests.browser import add_user, chromium, sign_in
from tests.servers import guard

AT_ONCE = 16
PAINTS = 15
TEXT = "Dear [Your Name], your order number {} has been shipped and will arrive soon. " * 4


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--waiting", type=int, default=100_000)
    parser.add_argument("--decisions", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        redis = OwnRedis(folder / "redis")
        address = redis.start()
        try:
            begun = time.monotonic()
            asyncio.run(_fill(address, folder / "data", arguments.waiting))
            took = time.monotonic() - begun
            print(f"{arguments.waiting} items queued in {took:.0f} s", flush=True)
            with guard(folder, "demo", "--redis", address) as (url, _), chromium() as browser:
                add_user(folder, "ana", Role.REVIEWER)
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                sign_in(page, url, "ana")
                page.wait_for_selector(".item")
                _weight(page, url)
                _paint(page, url)
                _next_item(page, arguments.decisions)
        finally:
            redis.stop()


async def _fill(address: str, data: Path, count: int) -> None:
    data.mkdir(parents=True, exist_ok=True)
    turns = asyncio.Semaphore(AT_ONCE)
    async with (
        Redis.from_url(address) as redis,
        ReviewStore(address, vault=load_vault("", data)) as store,
    ):
        await redis.config_set("appendfsync", "no")  # only while we fill it

        async def put(number: int) -> None:
            async with turns:
                await store.enqueue(_item(number))

        for first in range(0, count, 1000):
            await asyncio.gather(*(put(at) for at in range(first, min(first + 1000, count))))
        await redis.config_set("appendfsync", "always")


def _item(number: int) -> ReviewItem:
    text = TEXT.format(number, *[number] * 3)
    found = Finding("bracket-placeholder", "hallucination", 0.8, 5, 16, "A placeholder.")
    return ReviewItem(
        id=f"bench-{number:06}",
        exchange=Exchange(f"bench-{number:06}", time.time(), prompt="Where is it?"),
        reply=text.encode(),
        content_type="text/plain; charset=utf-8",
        texts={"text": text},
        findings={"text": (found,)},
        released={},
        deadline=time.time() + 86_400,
    )


def _weight(page: Page, url: str) -> None:
    """What a browser with an empty cache loads, without the items."""
    sizes: dict[str, int] = {}

    def finished(request: Request) -> None:
        if "/v1/" not in request.url:
            sizes[request.url] = request.sizes()["responseBodySize"]

    page.context.new_cdp_session(page).send("Network.clearBrowserCache")
    page.on("requestfinished", finished)
    page.goto(f"{url}/guard/review")
    page.wait_for_selector(".item")
    page.remove_listener("requestfinished", finished)
    whole = sum(sizes.values())
    print(f"weight          {whole / 1024:.1f} KiB in {len(sizes)} files (goal 150)", flush=True)


def _paint(page: Page, url: str) -> None:
    times = []
    for _ in range(PAINTS):
        page.goto(f"{url}/guard/review")
        page.wait_for_selector(".item")
        times.append(
            page.evaluate(
                "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
            )
        )
    found = [one for one in times if one is not None]
    print(f"first paint     {_told(found)} (goal 300), loopback", flush=True)


def _next_item(page: Page, count: int) -> None:
    """From the key's event to the frame that shows the next item."""
    page.wait_for_selector(".item")
    page.evaluate(
        """() => {
          window.times = [];
          let pressed = 0;
          document.addEventListener("keydown", (event) => { pressed = event.timeStamp; }, true);
          new MutationObserver(() => {
            const item = document.querySelector(".item")?.dataset.item;
            if (!pressed || !item || item === window.latest) return;
            window.latest = item;
            const from = pressed;
            pressed = 0;
            requestAnimationFrame(() => setTimeout(() => {
              window.times.push(performance.now() - from);
            }, 0));
          }).observe(document.querySelector("#view"), {childList: true, subtree: true});
          window.latest = document.querySelector(".item").dataset.item;
        }"""
    )
    for number in range(count):
        page.keyboard.press("a")
        page.wait_for_function("(count) => window.times.length > count", arg=number, timeout=20_000)
        page.wait_for_timeout(400)  # nobody reads faster; the next claim comes meanwhile
    times = page.evaluate("window.times")
    print(f"key to next     {_told(times)} (goal p95 100)", flush=True)


def _told(times: list[float]) -> str:
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.95))]
    return f"p50 {statistics.median(ordered):.0f} ms, p95 {p95:.0f} ms, n {len(ordered)}"


if __name__ == "__main__":
    main()
