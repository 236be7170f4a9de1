"""Where the guard fits in, each tried as it is used: LiteLLM's own classes, the detector API in the
orchestrator's documented shape, the recipes in `deploy/`."""

import importlib.util
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import jsonschema
import pytest
import yaml

from guard.demo import CLEAN
from tests.servers import TOKEN, guard

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else LiteLLM fetches one when imported

ROOT = Path(__file__).parent.parent
BAD, MAIL = "You are a worthless idiot.", "Write to jane.roe@contoso.example."
SPAN = {
    "type": "object",
    "required": ["start", "end", "text", "detection", "detection_type", "score"],
    "properties": {
        "start": {"type": "integer"},
        "end": {"type": "integer"},
        "text": {"type": "string"},
        "detection": {"type": "string"},
        "detection_type": {"type": "string"},
        "score": {"type": "number"},
    },
}
CONTENTS = {"type": "array", "items": {"type": "array", "items": SPAN}}
"""As in docs/api/openapi_detector_api.yaml of the orchestrator."""

ERROR = {"type": "object", "required": ["code", "message"]}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("fittings")
    config = folder / "guard.yaml"
    config.write_text("routes: [{name: soft, refusal: Not here.}]\n")
    options = ["--config", str(config), "--detector-paths", "on"]
    with guard(folder, "demo", *options) as (running, _):
        yield running


def call(url: str, body: Any, **headers: str) -> tuple[int, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, json.dumps(body).encode(), named)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def recipe(path: str) -> ModuleType:
    file = ROOT / "deploy" / path
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("prefix", ["/guard/detectors", ""])
def test_the_orchestrator_gets_what_it_documents(url: str, prefix: str) -> None:
    address = f"{url}{prefix}/api/v1/text/contents"
    headers = {"authorization": f"Bearer {TOKEN}", "detector_id": "outguard"}
    status, found = call(address, {"contents": [MAIL, CLEAN]}, **headers)
    jsonschema.validate(found, CONTENTS)
    assert (status, len(found), found[1]) == (200, 2, [])
    assert found[0][0]["text"] == "jane.roe@contoso.example"
    for given, expected in (
        ({"detector_id": "pii"}, 401),
        ({**headers, "detector_id": "nobody"}, 404),
        ({"authorization": f"Bearer {TOKEN}"}, 422),
    ):
        status, told = call(address, {"contents": [MAIL]}, **given)
        jsonschema.validate(told, ERROR)
        assert status == expected


def test_the_root_is_the_upstreams_where_nobody_asked_for_it(tmp_path: Path) -> None:
    with guard(tmp_path, "demo") as (plain, _):
        status, answer = call(f"{plain}/api/v1/text/contents", {"contents": [MAIL]})
    assert (status, set(answer)) == (200, {"answer"})


async def test_litellms_ibm_detector_reads_ours(url: str) -> None:
    module = pytest.importorskip(
        "litellm.proxy.guardrails.guardrail_hooks.ibm_guardrails.ibm_detector"
    )
    from litellm.types.guardrails import GuardrailEventHooks

    theirs = module.IBMGuardrailDetector(
        guardrail_name="outguard",
        auth_token=TOKEN,
        base_url=f"{url}/guard/detectors",
        detector_id="toxicity",
        is_detector_server=True,
    )
    found = await theirs._call_detector_server([BAD, CLEAN], GuardrailEventHooks.post_call)
    assert (next(row["detection_type"] for row in found[0]), found[1]) == ("toxicity", [])


async def test_litellms_generic_guardrail(url: str) -> None:
    """The class that LiteLLM makes of `deploy/litellm/config.yaml`."""
    module = pytest.importorskip(
        "litellm.proxy.guardrails.guardrail_hooks.generic_guardrail_api.generic_guardrail_api"
    )
    from litellm.exceptions import GuardrailRaisedException

    text = (ROOT / "deploy/litellm/config.yaml").read_text()
    given = yaml.safe_load(text)["guardrails"][0]["litellm_params"]
    assert (given.pop("guardrail"), given.pop("mode")) == ("generic_guardrail_api", "post_call")
    assert given.pop("default_on") is True
    given |= {"api_base": f"{url}/guard", "api_key": TOKEN}
    theirs = module.GenericGuardrailAPI(guardrail_name="outguard", **given)

    async def ask(text: str, **more: Any) -> list[str]:
        inputs = {"texts": [text], **more}
        found = await theirs.apply_guardrail(inputs, {}, "response")
        return list(found["texts"])

    assert await ask(CLEAN) == [CLEAN]
    for text in (BAD, MAIL):
        with pytest.raises(GuardrailRaisedException, match="I cannot show this answer"):
            await ask(text)
    theirs.additional_provider_specific_params = {"route": "soft"}
    assert await ask(MAIL) == ["Write to ************************."]
    with pytest.raises(GuardrailRaisedException, match="Not here"):
        await ask(BAD)
    theirs.headers["x-api-key"] = "wrong"
    with pytest.raises(Exception, match="401"):
        await ask(CLEAN)


async def test_litellms_custom_guardrail(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("litellm")
    from litellm.types.utils import ModelResponse

    monkeypatch.setenv("OUTGUARD_URL", url)
    monkeypatch.setenv("OUTGUARD_TOKEN", TOKEN)
    ours = recipe("litellm/outguard_guardrail.py").Outguard(guardrail_name="outguard")

    async def ask(text: str, sources: list[Any] | None = None) -> str:
        message = {"role": "assistant", "content": text}
        reply = ModelResponse(choices=[{"message": message, "finish_reason": "stop", "index": 0}])
        data = {"messages": sources or []}
        found = await ours.async_post_call_success_hook(data, SimpleNamespace(), reply)
        return str(found.choices[0].message.content)

    assert await ask(CLEAN) == CLEAN
    assert await ask(MAIL) == "Write to ************************."
    with pytest.raises(ValueError, match="held this reply back"):
        await ask(BAD)
    source = {"role": "tool", "content": "It rose to 21%."}
    with pytest.raises(ValueError, match="held this reply back"):
        await ask("It rose to 12%.", [source])
    monkeypatch.setattr(ours, "token", "wrong")
    with pytest.raises(Exception, match="401"):
        await ask(CLEAN)


def test_open_webuis_filter(url: str) -> None:
    ours = recipe("open-webui/outguard_filter.py").Filter()
    ours.valves = ours.Valves(url=url, token=TOKEN)

    def ask(text: str) -> str:
        body = {"messages": [{"role": "user", "content": "x"}, {"role": "assistant"}]}
        body["messages"][-1]["content"] = text
        return str(ours.outlet(body, None)["messages"][-1]["content"])

    assert ask(CLEAN) == CLEAN
    assert ask(MAIL) == "Write to ************************."
    assert ask(BAD) == "I cannot show this answer."
    ours.valves.url = "http://127.0.0.1:9"
    assert ask(CLEAN) == "I cannot show this answer."
    assert ours.outlet({"messages": []}) == {"messages": []}
