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
from types import FrameType

from starlette.types import Message, Send


class Draining:
    """Whether a stop was announced. One for a process."""

    def __init__(self, *, notice_seconds: float) -> None:
        self.begun = False
        self._notice_seconds = notice_seconds

    def watch(self) -> None:
        """Puts itself before the server's own handler of SIGTERM; called in its event loop."""
        theirs = signal.getsignal(signal.SIGTERM)
        loop = asyncio.get_running_loop()
        if not callable(theirs):
            return
        handler = theirs

        def stop(number: int, frame: FrameType | None) -> None:
            if self.begun:
                handler(number, frame)
                return
            self.begun = True
            loop.call_soon_threadsafe(loop.call_later, self._notice_seconds, handler, number, None)

        try:
            signal.signal(signal.SIGTERM, stop)
        except ValueError:  # not the main thread: whoever runs the server stops it in its own way
            return

    def closing(self, send: Send) -> Send:
        """What an answer is sent by: it closes the connection once a stop was announced."""

        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start" and self.begun:
                headers = [pair for pair in message["headers"] if pair[0] != b"connection"]
                message = {**message, "headers": [*headers, (b"connection", b"close")]}
            await send(message)

        return closing
