"""
title: Outguard
description: Every answer is read by Outguard before it is kept; what must not be shown is replaced.
requirements: requests
version: 0.1.0
"""

# A filter function for Open WebUI (https://docs.openwebui.com/features/plugin/functions/filter/):
# paste it under Admin Panel > Functions and set its valves. `outlet` runs after an answer was shown
# while it streamed: to keep text from being seen at all, also set OPENAI_API_BASE_URL of Open WebUI
# to http://guard:8080/v1, so that the guard reads the stream itself.

import requests
from pydantic import BaseModel, Field

WAIT_SECONDS = 30


class Filter:
    class Valves(BaseModel):
        priority: int = Field(0, description="Filters with greater numbers run later.")
        url: str = Field("http://guard:8080", description="Where the guard listens.")
        token: str = Field("", description="Its token.")
        route: str = Field("default", description="The route of guard.yaml whose rules count.")
        refusal: str = Field("I cannot show this answer.", description="Shown in place of it.")

    def __init__(self) -> None:
        self.valves = self.Valves()

    def outlet(self, body: dict, __user__: dict | None = None) -> dict:
        """Replaces or masks the last answer. Where the guard cannot be asked, it is replaced."""
        messages = body.get("messages", [])
        if messages and messages[-1].get("role") == "assistant":
            messages[-1]["content"] = self._shown(messages[-1].get("content", ""))
        return body

    def _shown(self, text: str) -> str:
        valves = self.valves
        try:
            answer = requests.post(
                f"{valves.url}/guard/v1/check",
                json={"text": text, "route": valves.route},
                headers={"Authorization": f"Bearer {valves.token}"},
                timeout=WAIT_SECONDS,
            )
            answer.raise_for_status()
            found = answer.json()
            if found["verdict"] in ("allow", "redact"):
                return found.get("text", text)
        except (requests.RequestException, ValueError, KeyError):
            pass  # nothing is shown that nobody read
        return valves.refusal
