"""The demo from the command to a living page: seconds, milliseconds, kilobytes and megabytes, as one JSON object.

    python -m benchmarks.page --json

Starts `climate-fitness demo` on an empty data folder and asks it over HTTP until the first page with progress, then until
everything is issued. Then Debian's Chromium opens the finished dashboard several times with an empty cache; medians count, and
the navigation's own clock counts, so the server's answer is in them. Named alternative in the same run: the same page drawing the
same figure with plotly.js at once instead of on the first touch. Needs the extra `browser`.
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

REPEATS_COUNT = 7
GIVE_UP_S = 180.0
TARGETS = {
    "first_page_s": 3,
    "everything_issued_s": 30,
    "first_chart_ms": 300,
    "interactive_ms": 300,
    "plotly_on_touch_ms": 2_000,
    "transferred_kb": 60,
    "peak_mb": 450,
}
"""At most; design/README.md section 8, and issue 2 for the memory."""

_KEY = re.compile(r"^API key: (\S+)$", re.MULTILINE)
_WELCOME = re.compile(r"^Climate Fitness demo: (\S+)$", re.MULTILINE)
_WATCH_CHART = """
window.__chart = new Promise((resolve) => {
  const look = () => {
    const chart = document.querySelector("[data-plot=months] svg");
    if (!chart || !chart.getBoundingClientRect().height) { requestAnimationFrame(look); return; }
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
  };
  requestAnimationFrame(look);
});
window.__paint = new Promise((resolve) => {
  new PerformanceObserver((list) => {
    const paint = list.getEntriesByName("first-contentful-paint")[0];
    if (paint) resolve(paint.startTime);
  }).observe({ type: "paint", buffered: true });
});
"""
_WATCH_PLOTLY = """
window.__live = new Promise((resolve) => {
  const watch = new MutationObserver(() => {
    if (!document.querySelector("[data-plot=months].is-live .main-svg")) return;
    watch.disconnect();
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
  });
  watch.observe(document, { subtree: true, childList: true, attributes: true });
});
"""
_AT_ONCE = 'document.addEventListener("DOMContentLoaded", () => document.querySelector("[data-plot=months]").click());'


@dataclass(frozen=True)
class Demo:
    """A running demo on an empty data folder.

    Attributes:
        process: The program.
        address: Its origin.
        log: What it prints.
        began_s: When the command was started, on the monotonic clock.
    """

    process: subprocess.Popen[bytes]
    address: str
    log: Path
    began_s: float

    def text(self, path: str) -> str:
        """A page of a stranger; empty while nobody answers."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=10) as answer:  # noqa: S310 - our own loopback address
                return str(answer.read().decode())
        except OSError:
            return ""

    def wait_for(self, *, is_preparing: bool) -> float:
        """Seconds from the command until "/" is the progress, or no longer is.

        Raises:
            TimeoutError: It takes longer than anybody would wait.
        """
        while time.monotonic() - self.began_s < GIVE_UP_S:
            page = self.text("/")
            if page and ('class="tasks"' in page) is is_preparing:
                return time.monotonic() - self.began_s
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)
        raise TimeoutError(f"expected the page within {GIVE_UP_S:.0f} s:\n{self.log.read_text()}")

    def printed(self, pattern: re.Pattern[str]) -> str:
        """The first group of a line that was printed; waits for it.

        Raises:
            TimeoutError: It takes longer than anybody would wait.
        """
        while time.monotonic() - self.began_s < GIVE_UP_S:
            found = pattern.search(self.log.read_text())
            if found:
                return found[1]
            time.sleep(0.02)
        raise TimeoutError(f"expected {pattern.pattern!r} in:\n{self.log.read_text()}")

    def ask(self, path: str, key: str) -> Any:  # noqa: ANN401 - JSON
        """An answer of the API."""
        request = urllib.request.Request(self.address + path, headers={"Authorization": f"Bearer {key}"})  # noqa: S310 - as above
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
            return json.load(answer)

    def peak_mb(self) -> float:
        """Largest resident memory of the process and its children, each at its own worst, megabytes."""
        return sum(_peak_kb(pid) for pid in _tree(self.process.pid)) / 1024


@contextmanager
def running_demo() -> Iterator[Demo]:
    """The demo, started now and stopped afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-page-") as folder:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CF_")}
        environment |= {"CF_DATA_FOLDER": f"{folder}/data", "CF_PORT": str(port)}
        log = Path(folder) / "log"
        with log.open("wb") as output:
            began_s = time.monotonic()
            process = subprocess.Popen(  # noqa: S603 - our own program
                [str(Path(sys.executable).with_name("climate-fitness")), "demo", "--no-browser"],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield Demo(process, f"http://localhost:{port}", log, began_s)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)


def _tree(pid: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended meanwhile
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def _peak_kb(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    peak = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(peak[1]) if peak else 0


def statements_of(demo: Demo) -> list[tuple[str, str, str, str]]:
    """Every statement: subject, months, state, net grams."""
    key = demo.printed(_KEY)
    return sorted(
        (subject["name"], row["period"], row["state"], row["totals"]["net_g_co2e"])
        for subject in demo.ask("/v1/subjects", key)
        for row in demo.ask(f"/v1/subjects/{subject['id']}/statements", key)
    )


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Debian's Chromium, headless."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - the extra `browser`, for this benchmark only

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


def look(browser: "Browser", demo: Demo, *, is_at_once: bool) -> dict[str, float]:
    """One visit of the dashboard with an empty cache, milliseconds since the navigation began, and kilobytes."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.request.get(demo.printed(_WELCOME))  # signs in; nothing of it is kept in the browser's cache
    page = context.new_page()
    for script in (_WATCH_CHART, _WATCH_PLOTLY, *([_AT_ONCE] if is_at_once else [])):
        page.add_init_script(script)
    moved = _transferred(page)
    page.goto(f"{demo.address}/", wait_until="load")
    if is_at_once:
        seen = {"plotly_at_once_ms": float(page.evaluate("window.__live"))}
    else:
        seen = _seen(page) | {"transferred_kb": sum(moved) / 1000}
        page.wait_for_timeout(200)
        began_ms = float(page.evaluate("performance.now()"))
        page.locator("[data-plot=months]").dispatch_event("pointerenter")
        seen["plotly_on_touch_ms"] = float(page.evaluate("window.__live")) - began_ms
        seen["plotly_kb"] = sum(moved) / 1000 - seen["transferred_kb"]
    context.close()
    return seen


def _transferred(page: "Page") -> list[int]:
    """Bytes of every answer as they came over the wire, headers included; grows while the page loads."""
    sizes: list[int] = []
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    return sizes


def _seen(page: "Page") -> dict[str, float]:
    found: dict[str, float] = page.evaluate(
        """async () => {
            const [paint, chart] = await Promise.all([window.__paint, window.__chart]);
            const navigation = performance.getEntriesByType("navigation")[0];
            return {
                answer_ms: navigation.responseEnd,
                first_contentful_paint_ms: paint,
                first_chart_ms: Math.max(paint, chart),
                interactive_ms: navigation.domContentLoadedEventEnd,
            };
        }"""
    )
    return found


def medians(visits: list[dict[str, float]]) -> dict[str, float]:
    """The median of each measure."""
    return {name: round(median(visit[name] for visit in visits), 1) for name in visits[0]}


def measure() -> dict[str, Any]:
    """Everything that is measured, as JSON values."""
    with running_demo() as demo:
        first_page_s = demo.wait_for(is_preparing=True)
        issued_s = demo.wait_for(is_preparing=False)
        rows = statements_of(demo)
        not_issued = [row for row in rows if row[2] != "issued"]
        assert rows, "expected statements"
        assert not not_issued, f"expected every statement issued, got {not_issued}"
        prepared_mb = demo.peak_mb()
        with chromium() as browser:
            look(browser, demo, is_at_once=False)  # the browser's own first page is no measure of ours
            ours = medians([look(browser, demo, is_at_once=False) for _ in range(REPEATS_COUNT)])
            at_once = medians([look(browser, demo, is_at_once=True) for _ in range(REPEATS_COUNT)])
        peak_mb = demo.peak_mb()
    measured = {"first_page_s": round(first_page_s, 2), "everything_issued_s": round(issued_s, 2), **ours}
    measured["peak_mb"] = round(peak_mb, 1)
    return {
        "what": "the demo from the command to a living page",
        "rows": len(rows),
        "seconds": round(issued_s, 2),
        "per_second": round(len(rows) / issued_s, 2),
        **measured,
        "peak_prepared_mb": round(prepared_mb, 1),
        "result_hash": sha256(json.dumps(rows).encode()).hexdigest(),
        "alternative": {"what": "the same figure drawn by plotly.js as soon as the page is there", **at_once},
        "ratio": round(at_once["plotly_at_once_ms"] / ours["first_chart_ms"], 2),
        "targets": TARGETS,
        "missed": [name for name, most in TARGETS.items() if measured[name] > most],
        "load_average": round(os.getloadavg()[0], 2),
    }


def main() -> None:
    """Print the numbers."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object")
    given = parser.parse_args()
    found = measure()
    print(json.dumps(found, indent=1) if given.json else "\n".join(f"{name:28} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
