"""A stop, announced before it begins: clients are told to come back on a new connection.

SIGTERM reaches the server a moment later (`drain_notice_seconds`). Until then every answer carries
`connection: close`, so that no client sends its next request on a connection that is just being
closed, and `/guard/readyz` says 503, so that a balancer looks elsewhere. Then the server takes no
new connections and ends what is open.

Rule of the file: a second signal is not delayed.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from starlette.types import Message, Send

Handler = Callable[[int, FrameType | None], Any]


class Draining:
    """Whether a stop was announced. One for a process."""

    def __init__(self, *, notice_seconds: float) -> None:
        self.begun = False
        self._notice_seconds = notice_seconds

    def watch(self, told: Callable[[], None]) -> None:
        """Puts itself before the server's own handlers; called in its event loop. `told` is called
        there once the server is to end, to let go what would never end by itself."""
        if threading.current_thread() is not threading.main_thread():
            return  # whoever runs the server stops it in its own way
        for number, seconds in ((signal.SIGTERM, self._notice_seconds), (signal.SIGINT, 0.0)):
            theirs = signal.getsignal(number)
            if callable(theirs):
                signal.signal(number, self._stop(theirs, seconds, told))

    def _stop(self, theirs: Handler, seconds: float, told: Callable[[], None]) -> Handler:
        loop = asyncio.get_running_loop()

        def stop(number: int, frame: FrameType | None) -> None:
            if self.begun:
                theirs(number, frame)
                return
            self.begun = True
            loop.call_soon_threadsafe(told)
            loop.call_soon_threadsafe(loop.call_later, seconds, theirs, number, None)

        return stop

    def closing(self, send: Send) -> Send:
        """What an answer is sent by: it closes the connection once a stop was announced."""

        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start" and self.begun:
                headers = [pair for pair in message["headers"] if pair[0] != b"connection"]
                message = {**message, "headers": [*headers, (b"connection", b"close")]}
            await send(message)

        return closing
