"""Draws deploy/grafana/dashboards/guard.json from real metrics: `python -m tests.draw_dashboard`.

Starts `guard demo`, puts mixed load on it, lets a real Prometheus (in the path, or named as the
first argument) scrape it, asks it what each panel asks, and draws docs/dashboard.svg.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from guard.demo import ANSWERS
from tests.load import Client
from tests.servers import TOKEN, free_port, guard, until

ROOT = Path(__file__).parent.parent
SECONDS = 90.0
RATE = "15s"
COLUMNS = 3
CONFIG = """\
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: guard
    metrics_path: /guard/metrics
    authorization: {credentials: %s}
    static_configs: [{targets: ['%s']}]
"""


def main() -> None:
    program = sys.argv[1] if len(sys.argv) > 1 else "prometheus"
    dashboard = json.loads((ROOT / "deploy/grafana/dashboards/guard.json").read_text())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with guard(folder, "demo") as (url, _):
            config = folder / "prometheus.yml"
            config.write_text(CONFIG % (TOKEN, url.removeprefix("http://")))
            address = f"127.0.0.1:{free_port()}"
            prometheus = subprocess.Popen(
                [
                    program,
                    f"--config.file={config}",
                    f"--storage.tsdb.path={folder / 'tsdb'}",
                    f"--web.listen-address={address}",
                    "--log.level=error",
                ]
            )
            try:
                began = time.time()
                asyncio.run(_load(url))
                draw(dashboard, f"http://{address}", began, time.time())
            finally:
                prometheus.terminate()
                prometheus.wait()


async def _load(url: str) -> None:
    words = ["plain", "plain", "plain", *ANSWERS]
    over = time.monotonic() + SECONDS
    await asyncio.gather(
        *(
            Client(url, ask=word).run(over, pause_seconds=0.2, streamed=streamed)
            for word in words
            for streamed in (False, True)
        )
    )


def draw(dashboard: Any, prometheus: str, began: float, ended: float) -> None:
    """Draws all panels; a panel without a line says so."""
    panels = dashboard["panels"]
    rows = -(-len(panels) // COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(15, 2.6 * rows), constrained_layout=True)
    for axis in axes.flat[len(panels) :]:
        axis.axis("off")
    for axis, panel in zip(axes.flat, panels, strict=False):
        lines = 0
        for target in panel["targets"]:
            for found in _asked(prometheus, target["expr"], began, ended):
                times, values = zip(*found["values"], strict=True)
                label = target["legendFormat"]
                for name, value in found["metric"].items():
                    label = label.replace("{{" + name + "}}", value)
                axis.plot([one - began for one in times], [float(one) for one in values], lw=1)
                axis.lines[-1].set_label(label)
                lines += 1
        axis.set_title(f"{panel['title']}, {panel['fieldConfig']['defaults']['unit']}", fontsize=8)
        axis.tick_params(labelsize=7)
        axis.set_ylim(bottom=0)
        if lines:
            axis.legend(fontsize=5, loc="upper left", ncols=2)
        else:
            axis.text(0.5, 0.5, "nothing of it in the demo", ha="center", transform=axis.transAxes)
        print(f"{panel['title']}: {lines} lines")
    figure.savefig(ROOT / "docs/dashboard.svg")


def _asked(prometheus: str, text: str, began: float, ended: float) -> list[Any]:
    query = {
        "query": text.replace("$__rate_interval", RATE),
        "start": str(began),
        "end": str(ended),
        "step": "1",
    }
    address = f"{prometheus}/api/v1/query_range?{urllib.parse.urlencode(query)}"

    def ask() -> Any:
        with urllib.request.urlopen(address) as answer:
            return json.load(answer)

    found: list[Any] = until(ask)["data"]["result"]
    return found


if __name__ == "__main__":
    main()
