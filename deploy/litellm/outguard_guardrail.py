"""A LiteLLM guardrail of its own class: where the generic API is not in your LiteLLM yet.

In LiteLLM's config.yaml:

    guardrails:
      - guardrail_name: outguard
        litellm_params: {guardrail: outguard_guardrail.Outguard, mode: post_call, default_on: true}

with OUTGUARD_URL (http://127.0.0.1:8080) and OUTGUARD_TOKEN in its environment. Whatever goes wrong
is raised, so that nothing leaves unread. Streams are not passed to this hook: use the generic API,
or put the guard before LiteLLM.
"""

from __future__ import annotations

import os
from typing import Any

import httpx
from litellm.integrations.custom_guardrail import CustomGuardrail

WAIT_SECONDS = 30.0


class Outguard(CustomGuardrail):
    """Asks the guard about every text of a reply."""

    def __init__(self, **given: Any) -> None:
        self.url = os.environ.get("OUTGUARD_URL", "http://127.0.0.1:8080")
        self.token = os.environ["OUTGUARD_TOKEN"]
        super().__init__(**given)

    async def async_post_call_success_hook(
        self, data: dict[str, Any], user_api_key_dict: Any, response: Any
    ) -> Any:
        """Masks what is to be masked; raises where a reply is to be held back."""
        sources = [
            message["content"]
            for message in data.get("messages", [])
            if message.get("role") == "tool" and isinstance(message.get("content"), str)
        ]
        headers = {"authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(timeout=WAIT_SECONDS, headers=headers) as client:
            for choice in response.choices:
                message = choice.message
                if message.content:
                    message.content = await self._checked(client, message.content, sources)
                for call in message.tool_calls or []:
                    text = call.function.arguments
                    if await self._checked(client, text, sources) != text:
                        raise ValueError("Outguard held this reply back.")
        return response

    async def _checked(self, client: httpx.AsyncClient, text: str, sources: list[str]) -> str:
        asked = {"text": text, "context": sources}
        answer = await client.post(f"{self.url}/guard/v1/check", json=asked)
        answer.raise_for_status()
        found = answer.json()
        if found["verdict"] not in ("allow", "redact"):
            raise ValueError("Outguard held this reply back.")
        return str(found.get("text", text))
