# Outguard with everything it needs to judge on a CPU. Detoxify's weights are fetched at the first
# start, into the volume. The root file system may be read-only; only /var/lib/outguard and /tmp are
# written.
#
# PIP_OPTIONS are pip's own: `--build-arg PIP_OPTIONS="--extra-index-url URL"` takes a smaller build
# of torch, for CPUs only, from the index that publishes it.
FROM python:3.11-slim AS build
ARG PIP_OPTIONS=""
ARG EXTRAS="detoxify,otel"
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY guard guard
COPY rules rules
RUN python -m venv /opt/outguard \
 && /opt/outguard/bin/pip install --no-cache-dir ${PIP_OPTIONS} ".[${EXTRAS}]"

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/outguard guard
COPY --from=build /opt/outguard /opt/outguard
ENV PATH=/opt/outguard/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    GUARD_ENGINE=compact+student+detoxify-unbiased \
    TORCH_HOME=/var/lib/outguard/torch HF_HOME=/var/lib/outguard/huggingface
USER 10001
VOLUME /var/lib/outguard
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s CMD \
  ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/guard/healthz', timeout=2)"]
ENTRYPOINT ["guard"]
CMD ["serve", "--host", "0.0.0.0", "--data", "/var/lib/outguard"]
