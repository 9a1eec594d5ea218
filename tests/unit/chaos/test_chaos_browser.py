"""The pages as a real browser shows them: nothing leaves the screen, and what they say can be seen."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import nullcontext
from html import unescape
from pathlib import Path
from typing import Any

import chromium
import pytest
from synthetic import T0, Story, build, recording

from chaos.nodelog import LOG_FILE
from chaos.report import write, write_suite
from chaos.suitefolder import LeftOut, SuiteResult, Turn
from chaos.verdict import verdict_of

pytestmark = pytest.mark.timeout(900)  # the first one may have to install the browser

# Runs in the page: boxes as they are drawn, in pixels.
_LOOK = """
<script>
const box = e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.width, b.height].map(Math.round); };
const all = (what, of) => Array.from((of || document).querySelectorAll(what));
const leaving = [];
for (const svg of all('svg')) { const f = svg.getBoundingClientRect();
  for (const t of all('text', svg)) { const b = t.getBoundingClientRect();
    if (b.width && (b.left < f.left - 2 || b.right > f.right + 2)) leaving.push(t.textContent); } }
const pre = document.createElement('pre'); pre.id = 'seen';
pre.textContent = JSON.stringify({
  wide: document.documentElement.scrollWidth, screen: window.innerWidth, leaving,
  verdict: document.querySelector('.verdict').innerText,
  colour: getComputedStyle(document.querySelector('.verdict')).backgroundColor,
  fault: all('rect.fault').map(box), gaps: all('rect.gap').map(box), medians: all('path.median').map(box),
  ranges: all('rect.range').map(box), errors: all('path.error').map(box), powers: all('rect.power-off').map(box),
  ticks: all('path.tick').map(box), phases: all('.water i').map(box), headings: all('h2').map(e => e.innerText),
  text: document.body.innerText });
document.body.appendChild(pre);
</script>
"""


def shown(page: Path, width: int) -> dict[str, Any]:
    """What the browser drew at this width of the screen."""
    copy = page.with_name(f"look-{width}.html")
    copy.write_text(page.read_text().replace("</body>", _LOOK + "</body>"))
    dom = browse(copy, "--dump-dom", f"--window-size={width},900")
    match = re.search(r'<pre id="seen">(.*?)</pre>', dom, re.DOTALL)
    assert match, dom[-500:]
    seen: dict[str, Any] = json.loads(unescape(match[1]))
    return seen


def browse(page: Path, *options: str) -> str:
    return subprocess.run(
        [chromium.have(), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={page.parent}/profile",
         *options, page.as_uri()], capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.fixture
def page(tmp_path: Path) -> Path:
    folder = build(tmp_path, Story().but_facts(
        description="The node that holds the virtual IP loses its power.", teaches="Where the seconds go."))
    said = [(2.2, "c2", "corosync", "[TOTEM ] A new membership (1.d) was formed. Members left: 1")]
    said += [(3.7 + at / 10, "c3", "pacemaker-fenced", f"notice: Requesting fencing (reboot) of node c1, try {at}")
             for at in range(3)]
    said += [(-3.0, "c2", "haproxy", "long before"), (11.0, "c2", "haproxy", "long after")]
    (folder / LOG_FILE).write_text("".join(json.dumps(
        {"at": T0 + at, "node": node, "source": source, "text": text}) + "\n" for at, node, source, text in said))
    return write(folder)


@pytest.mark.parametrize("width", [1280, 1920])
def test_a_run_is_readable_on_a_screen(page: Path, width: int) -> None:
    seen = shown(page, width)
    assert seen["wide"] <= seen["screen"] and seen["leaving"] == []
    assert seen["verdict"] == "PASS" and seen["colour"] == "rgb(31, 122, 77)"
    (fault,) = seen["fault"]
    assert fault[2] > 100 and fault[3] > 100  # the shade spans the rows
    left, _, wide, _ = fault
    assert seen["gaps"] and all(left - 8 <= gap[0] <= left + wide for gap in seen["gaps"])  # they begin in the fault
    assert len(seen["medians"]) == 7 and all(strip[2] > 200 for strip in seen["medians"])  # one for each client
    assert len(seen["errors"]) == 7 and all(bar[2] >= 1 for bar in seen["errors"]) and len(seen["ranges"]) == 7
    assert seen["ticks"] and all(3 <= side <= 12 for tick in seen["ticks"] for side in tick[2:])
    assert seen["powers"] and any(bar[2] > 2 for bar in seen["phases"])
    assert seen["headings"] == [
        "What happened", "In order", "Latency", "Outage against bound and promise", "Phases of the recovery", "Checks",
        "What the nodes said", "What was running", "Run it again"]


def test_a_run_says_what_it_was_about(page: Path) -> None:
    text = shown(page, 1280)["text"]
    for words in ("loses its power", "Where the seconds go.", "vip_holder = c1", "the longest outage was 4.40 s",
                  "4.32 ± 0.02 s", "fence requested", "no acknowledged row is lost", "A new membership (1.d)",
                  "(3 times)", "evs_suspect", "26.4.13", "./inv chaos.run vip-holder-power-cut"):
        assert words in text, words
    assert "long before" not in text and "long after" not in text


def test_a_second_holder_is_seen(tmp_path: Path) -> None:
    seen = shown(write(build(tmp_path, Story(also_answers=((5.0, 5.3, "c3"),)))), 1280)
    assert seen["verdict"] == "FAIL" and seen["colour"] == "rgb(179, 38, 30)"


def test_the_page_of_a_suite_is_readable(tmp_path: Path) -> None:
    good = verdict_of(recording(tmp_path / "good"))
    bad = verdict_of(recording(tmp_path / "bad", Story(also_answers=((5.0, 5.3, "c3"),))))
    seen = shown(write_suite(tmp_path, SuiteResult(
        "full", "lab", "digest", 1, 7, "failed", (Turn("good", 1, good), Turn("bad", 1, bad), Turn("never-run", 1)),
        (LeftOut("clock-jumps", "needs a machine's clock"),), tmp_path, seconds=61.0, restores=1)), 1280)
    assert seen["wide"] <= seen["screen"] and seen["verdict"] == "FAIL"
    assert seen["headings"] == ["Runs", "Not run", "Left out"]
    for words in ("1 PASS, 1 FAIL", "vip-holder-power-cut", "4.40 s", "sql_bank", "2.4 to 6.7 s", "9 s",
                  "Missing: never-run", "needs a machine's clock", "put back to its snapshot 1 time",
                  "Order by seed 7"):
        assert words in seen["text"], words


def test_a_run_can_be_printed(page: Path) -> None:
    paper = page.with_name("page.pdf")
    browse(page, f"--print-to-pdf={paper}")
    data = paper.read_bytes()
    assert data.startswith(b"%PDF") and 1 <= len(re.findall(rb"/Type\s*/Page\b", data)) <= 8


@pytest.mark.parametrize(("ci", "answers", "end", "words"), [
    ("", [], pytest.skip.Exception, "apt-get install chromium"),
    ("true", [(100, "x"), (0, ""), (100, "E: Unable to locate package chromium")],
     pytest.skip.Exception, "apt cannot get it here: E: Unable to locate"),
    ("true", [(100, "x"), (100, "E: Failed to fetch: Could not resolve"), (100, "x")],
     pytest.skip.Exception, "apt cannot get it here"),
    ("true", [(100, "dpkg was interrupted")] * 3, pytest.fail.Exception, "dpkg was interrupted"),
    ("true", [(0, "")], pytest.fail.Exception, "must have here"),
])
def test_a_missing_browser_is_no_silent_skip(
        monkeypatch: pytest.MonkeyPatch, ci: str, answers: list[tuple[int, str]], end: type[Exception],
        words: str) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(chromium, "_missed", "")
    left = iter(answers)
    with pytest.raises(end, match=words) as caught, _warned(ci == "true" and end is pytest.skip.Exception):
        chromium.have(look=lambda: "", ask=lambda _: next(left))
    assert caught and next(left, None) is None
    if ci and end is pytest.skip.Exception:  # apt is asked once, not by each test
        with pytest.raises(end, match=words), _warned(True):
            chromium.have(look=lambda: "", ask=apt_is_not_asked)


def apt_is_not_asked(_argv: tuple[str, ...]) -> tuple[int, str]:
    raise AssertionError


def _warned(must: bool) -> Any:
    return pytest.warns(UserWarning, match="IN NO BROWSER") if must else nullcontext()


def test_in_continuous_integration_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(chromium, "_missed", "")
    asked: list[tuple[str, ...]] = []

    def install(argv: tuple[str, ...]) -> tuple[int, str]:
        asked.append(argv)
        return 0, ""

    assert chromium.have(look=lambda: "/usr/bin/chromium" if asked else "", ask=install) == "/usr/bin/chromium"
    assert asked[0][0] == "apt-get" and asked[0][-2:] == ("install", "chromium")
