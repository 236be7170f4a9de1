"""Traces: one span a reply, in OpenTelemetry's names for generative AI, where the extra `otel` is
installed and `otel_endpoint` is set (https://opentelemetry.io/docs/specs/semconv/gen-ai/).

The client's `traceparent` (W3C Trace Context) is the span's parent, and the span is the upstream's.
Without the extra, `traceparent` goes on as it came, and its trace id stands in the log.

Rules of the file: no attribute holds what a client or a model wrote. A model is named only if
guard.yaml names it (in `prices`, or in a route without wildcards), else it is `other`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from guard.errors import SettingsError
from guard.settings import Settings

OTHER = "other"
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}\Z")
_NO_TRACE = "0" * 32
_OPERATIONS = {
    "openai_completions": "text_completion",
    "gemini": "generate_content",
}
_PROVIDERS = {
    "openai_chat": "openai",
    "openai_completions": "openai",
    "openai_responses": "openai",
    "anthropic": "anthropic",
    "gemini": "gcp.gemini",
    "ollama": "ollama",
}


def trace_id(headers: Mapping[str, str]) -> str:
    """The trace id of a `traceparent`; "" where there is none that can be read."""
    found = _TRACEPARENT.match(headers.get("traceparent", ""))
    return found[1] if found and found[1] != _NO_TRACE else ""


def known_model(settings: Settings, model: str) -> str:
    """The model if guard.yaml names it, else `other`: labels and attributes are bounded."""
    named = {price.model for price in settings.prices} | {route.model for route in settings.routes}
    return model if model in named and "*" not in model else OTHER


class Span:
    """A reply's span; without a tracer it only knows the client's trace."""

    def __init__(self, headers: Mapping[str, str], span: Any = None) -> None:
        self._span = span
        self.trace_id = trace_id(headers)
        self.traceparent = ""  # for the upstream, in place of the client's
        if span is not None:
            context = span.get_span_context()
            self.trace_id = f"{context.trace_id:032x}"
            flags = f"{int(context.trace_flags):02x}"
            self.traceparent = f"00-{self.trace_id}-{context.span_id:016x}-{flags}"

    def end(self, attributes: Mapping[str, Any], *, failed: bool) -> None:
        """The reply is done."""
        if self._span is None:
            return
        from opentelemetry.trace import Status, StatusCode

        self._span.set_attributes(dict(attributes))
        if failed:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class Traces:
    """Makes spans, and sends them in the background."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError."""
        self._tracer: Any = None
        self._provider: Any = None
        if not settings.otel_endpoint:
            return
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise SettingsError(
                "otel_endpoint: OpenTelemetry is not installed: pip install 'outguard[otel]'"
            ) from error
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "outguard"}), shutdown_on_exit=False
        )
        exporter = OTLPSpanExporter(endpoint=f"{settings.otel_endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("outguard")

    def begin(self, headers: Mapping[str, str], *, dialect: str, model: str) -> Span:
        """A reply's span; `model` is one that may be named."""
        if self._tracer is None:
            return Span(headers)
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        operation = _OPERATIONS.get(dialect, "chat")
        attributes = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": _PROVIDERS.get(dialect, OTHER),
            "gen_ai.request.model": model,
        }
        parent = TraceContextTextMapPropagator().extract(
            {"traceparent": headers.get("traceparent", "")}
        )
        span = self._tracer.start_span(
            f"{operation} {model}", parent, kind=SpanKind.CLIENT, attributes=attributes
        )
        return Span(headers, span)

    def close(self) -> None:
        """Sends what is left; takes seconds where nobody answers."""
        if self._provider is not None:
            self._provider.shutdown()
