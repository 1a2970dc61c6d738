"""The HTML report in a real browser, opened as a file."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from reporting import BROKEN, FIXED_NAME, TRAIN, UNICODE, check, report

from flake8_saveimage.check.runner import CheckedFile
from flake8_saveimage.report import Run, make_run
from flake8_saveimage.rules.finding import Finding

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-background-networking --no-first-run "
    "--disable-component-update --disable-sync"
).split()

HOSTILE_NAME = "</script><img src=x onerror=alert(1)>\"'&\x1b[31m\n\u202e.py"
HOSTILE = """\
import torch
# </script><script>window.hacked = 1</script> <!-- --> ${window.hacked = 1} \u202e \u2028 \x1b[2J
for name in ["<img src=x onerror='window.hacked = 1'>"]:
    torch.save(name, "</script><script>window.hacked = 1</script>.pt")
"""
FILES = {
    "src/gan/train.py": TRAIN,
    "src/tools/grün.py": UNICODE,
    "export.py": FIXED_NAME,
    "broken.py": BROKEN,
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


Open = Callable[..., "Page"]


@pytest.fixture
def open_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, browser: Browser) -> Iterator[Open]:
    """Open the report of a run; afterwards: no error on the page, no request but for the file."""
    monkeypatch.chdir(tmp_path)
    problems: list[str] = []
    requests: list[str] = []
    contexts = []

    def start(run: Run, *, provoke: bool = False, **settings: Any) -> Page:
        path = tmp_path / "report.html"
        path.write_text(report("html", run), encoding="ascii")
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **settings})
        contexts.append(context)
        page = context.new_page()
        if not provoke:
            page.on("console", lambda message: problems.append(message.text))
            page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(dialog.message))
        page.goto(path.as_uri())
        return page

    yield start
    for context in contexts:
        context.close()
    own = (tmp_path / "report.html").as_uri()
    assert problems == []
    assert [url for url in requests if url.partition("#")[0] != own and url != "data:,"] == []


def shown(page: Page) -> list[str]:
    """Return code and place of the findings in the list."""
    return [
        " ".join(text.split())
        for text in page.locator("#list .item .what").all_inner_texts()
    ]  # fmt: skip


def chosen(page: Page) -> str:
    return page.locator(".where .path").inner_text()


def test_counts_and_groups(open_page: Open, tmp_path: Path) -> None:
    run = check(FILES, tmp_path)
    count = sum(1 for _ in run.findings)
    page = open_page(run)
    assert page.locator("#count").inner_text() == f"{count} findings"
    assert page.locator("#summary").inner_text().startswith(f"{count} findings·3 files·")
    assert "1 not checked" in page.locator("#summary").inner_text()
    assert "broken.py cannot be parsed" in page.locator(".errors").inner_text()
    assert page.locator("#list .group .total").all_inner_texts() == ["1", str(count - 2), "1"]
    chips = dict(text.split() for text in page.locator(".chip").all_inner_texts())
    by_code: dict[str, int] = {}
    for _, finding in run.findings:
        by_code[finding.code] = by_code.get(finding.code, 0) + 1
    assert {code: int(number) for code, number in chips.items()} == by_code
    page.get_by_role("button", name="By rule").click()
    assert page.locator("#list .group .code").all_inner_texts() == sorted(by_code)


def test_filters(open_page: Open, tmp_path: Path) -> None:
    page = open_page(check(FILES, tmp_path))
    everything = shown(page)
    page.locator(".chip", has_text="SVI107").click()
    assert shown(page) == ["SVI107 line 14"]
    page.locator(".chip", has_text="SVI104").click()  # rules add up
    assert shown(page) == ["SVI104 line 3", "SVI107 line 14"]
    page.get_by_role("button", name="Safe fix", exact=True).click()
    assert shown(page) == ["SVI104 line 3"]
    page.get_by_role("button", name="Clear filters").click()
    assert shown(page) == everything
    page.fill("#file", "gan/")
    assert {place.split()[0] for place in shown(page)} == {"SVI101", "SVI107", "SVI201"}
    page.fill("#search", "TANH saved")  # words in any order and case, over code and messages
    assert shown(page) == ["SVI201 line 9"]
    page.fill("#search", "nothing of this kind")
    assert shown(page) == []
    assert "No finding matches" in page.locator("#detail").inner_text()
    page.locator("#detail").get_by_role("button", name="Clear filters").click()
    assert shown(page) == everything


def test_source_with_the_call_and_the_loop(open_page: Open, tmp_path: Path) -> None:
    page = open_page(check({"train.py": TRAIN}, tmp_path))
    page.keyboard.press("j")
    assert page.locator(".source mark").all_inner_texts() == [
        "save_image(", "torch.tanh(fake),", 'f"{out}/fake.png",', ")",
    ]  # fmt: skip
    loop = page.locator(".source .in-loop")
    numbers = [loop.nth(i).get_attribute("data-line") for i in range(loop.count())]
    assert numbers == [str(number) for number in range(7, 13)]
    lines = TRAIN.split("\n")
    for number in numbers:
        text = page.locator(f".source [data-line='{number}'] .text").inner_text()
        assert text == lines[int(number or 0) - 1]


def test_call_behind_a_tab_and_wide_characters(open_page: Open, tmp_path: Path) -> None:
    page = open_page(check({"a.py": UNICODE}, tmp_path))
    page.keyboard.press("j")
    assert page.locator(".source mark").inner_text() == 'torch.save(name, "\U0001f3a8.pt")'


def test_the_edit_side_by_side(open_page: Open, tmp_path: Path) -> None:
    page = open_page(check({"export.py": FIXED_NAME}, tmp_path))
    page.keyboard.press("j")
    cells = page.locator(".diff td:not(.n)")
    text = {
        name: page.locator(f".diff td.{name}:not(.n)").all_inner_texts()
        for name in ("removed", "added")
    }
    assert 'torch.save({}, "weights.pt")' in text["removed"]
    assert 'safe_save({}, "weights.pt", keep=3)' in text["added"]
    assert "from flake8_saveimage.runtime import safe_save" in text["added"]
    assert page.locator(".diff del").all_inner_texts()[-1] == 'torch.save({}, "weights.pt"'
    assert page.locator(".diff ins").all_inner_texts()[-1] == 'safe_save({}, "weights.pt", keep=3'
    left, right = cells.nth(0).bounding_box(), cells.nth(1).bounding_box()
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert left["x"] < right["x"]


@pytest.mark.parametrize(
    ("tail", "text"),
    [
        ("import os\nos.listdir()\n", "only with --unsafe-fixes: its folder is listed"),
        ("x: int = torch.save({}, open('x', 'wb'))\n", "proposed here: the file is opened before"),
    ],
)
def test_why_there_is_no_safe_fix(tail: str, text: str, open_page: Open, tmp_path: Path) -> None:
    page = open_page(check({"export.py": f"{FIXED_NAME}\n{tail}"}, tmp_path))
    page.keyboard.press("j")
    if "proposed" in text:
        page.keyboard.press("j")
    assert text in page.locator("section[aria-label='Proposed edit']").inner_text()


def test_keyboard(open_page: Open, tmp_path: Path) -> None:
    page = open_page(check(FILES, tmp_path))
    press = page.keyboard.press
    press("j")
    assert chosen(page) == "export.py:3:1"
    press("j")
    assert chosen(page) == "src/gan/train.py:9:13"
    press("k")
    press("k")
    assert chosen(page) == "export.py:3:1"
    press("]")
    press("]")
    assert chosen(page) == "src/tools/grün.py:4:18"
    press("[")
    assert chosen(page) == "src/gan/train.py:9:13"
    press("/")
    page.keyboard.type("jk? weights")
    assert page.input_value("#search") == "jk? weights"  # typed, not obeyed
    press("Escape")
    press("Escape")
    assert page.input_value("#search") == ""
    press("?")
    assert page.locator("#help").is_visible()
    press("Escape")
    assert not page.locator("#help").is_visible()
    press("o")
    assert page.locator(".overview").is_visible()
    press("j")
    press("g")
    assert page.get_by_role("button", name="By rule").get_attribute("aria-pressed") == "true"
    press("x")
    assert page.locator(".review input").is_checked()
    assert "1 reviewed" in page.locator("#summary").inner_text()
    page.reload()
    assert "1 reviewed" in page.locator("#summary").inner_text()


def test_address_brings_the_view_back(open_page: Open, tmp_path: Path) -> None:
    page = open_page(check(FILES, tmp_path))
    page.fill("#search", "net.pth")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    place, places = chosen(page), shown(page)
    page.reload()
    assert (chosen(page), shown(page)) == (place, places)


def test_light_and_dark(open_page: Open, tmp_path: Path) -> None:
    run = check(FILES, tmp_path)
    for scheme, other in (("light", "dark"), ("dark", "light")):
        page = open_page(run, color_scheme=scheme)
        theme = page.locator("html")
        background = "getComputedStyle(document.body).backgroundColor"
        before = page.evaluate(background)
        assert theme.get_attribute("data-theme") == scheme
        page.locator("#theme").click()
        assert theme.get_attribute("data-theme") == other
        assert page.evaluate(background) != before
        page.reload()
        assert theme.get_attribute("data-theme") == other  # a choice is kept


CONTRAST = """() => {
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const behind = (node) => {
    for (let n = node; n; n = n.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(n).backgroundColor);
      if (a > 0) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own || !node.checkVisibility() || node.closest("script, :disabled")) continue;
    const a = luminance(parse(getComputedStyle(node).color).slice(0, 3)), b = luminance(behind(node));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) poor.push(`${node.className || node.tagName} ${node.textContent.slice(0, 20)} ${ratio.toFixed(2)}`);
  }
  return poor;
}"""  # noqa: E501


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_of_all_text_is_enough(open_page: Open, tmp_path: Path, scheme: str) -> None:
    """WCAG 2.1, success criterion 1.4.3 (AA): 4.5 to 1."""
    page = open_page(check(FILES, tmp_path), color_scheme=scheme)
    assert page.locator(".overview").is_visible()
    assert page.evaluate(CONTRAST) == []
    page.locator(".chip", has_text="SVI101").click()
    page.locator("details.rule summary").click()
    seen = 0
    for _ in range(4):
        assert page.evaluate(CONTRAST) == []
        seen += page.locator(".source .text").count()
        page.keyboard.press("j")
    assert seen > 10
    page.keyboard.press("?")
    assert page.evaluate(CONTRAST) == []


def many(count: int, folder: Path) -> Run:
    """Return the findings of a real file over and over, under other names."""
    text = "import torch\n" + "".join(
        f"\n\ndef save_{n}(batches):\n    for batch in batches:\n"
        f'        torch.save(batch, "{n}.pt")\n'
        for n in range(10)
    )
    (one,) = check({"many.py": text}, folder).files
    assert [finding.loop for finding in one.findings[:2]] == [(5, 6), (10, 11)]
    return make_run(
        [one._replace(path=f"package_{n % 40}/module_{n}.py") for n in range(count // 10)]
    )


def test_five_thousand_findings(
    open_page: Open, tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    start = time.perf_counter()
    page = open_page(many(5000, tmp_path))
    record_property("open", time.perf_counter() - start)
    loading = page.evaluate("performance.timing.loadEventEnd - performance.timing.responseEnd")
    record_property("milliseconds of loading", loading)
    assert page.locator("#count").inner_text() == "5,000 findings"
    # only what is in view exists, wherever one is
    assert page.locator("#list .item").count() < 60
    page.locator("#list").evaluate("(list) => { list.scrollTop = list.scrollHeight; }")
    page.locator("#f4999").wait_for(state="attached")
    assert page.locator("#list .item").count() < 60
    page.keyboard.press("g")
    page.locator("#list").focus()
    page.keyboard.press("End")
    assert chosen(page) == "package_9/module_9.py:51:9"
    assert page.locator("#list .item[aria-selected=true]").is_visible()
    page.fill("#search", "module_49 '7.pt'")
    assert page.locator("#count").inner_text() == "11 of 5,000 findings"
    costs = page.evaluate(COSTS)
    for name, milliseconds in costs.items():
        record_property(name, milliseconds)
    # a long task is noticed from 100 ms on; this only catches work that grows with the list
    assert max(costs.values()) < 1000, costs


COSTS = """() => {
  const time = (work) => {
    const start = performance.now();
    work();
    document.body.offsetHeight; // layout included
    return performance.now() - start;
  };
  const key = (key) =>
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const type = (text) => {
    const search = document.getElementById("search");
    search.value = text;
    search.dispatchEvent(new Event("input"));
  };
  return {
    clear: time(() => key("Escape")), next: time(() => key("j")), group: time(() => key("g")),
    search: time(() => type("weights")), all: time(() => type("")),
  };
}"""


def test_nothing_of_a_scanned_file_is_run(open_page: Open, tmp_path: Path) -> None:
    finding = Finding(4, 5, "SVI101", f"overwrites {HOSTILE_NAME}", 4, 71)
    run = make_run(
        [
            CheckedFile(HOSTILE_NAME, (finding,), text=HOSTILE),
            CheckedFile(f"b{HOSTILE_NAME}", error=f"cannot be read: {HOSTILE_NAME}"),
        ]
    )
    page = open_page(run)
    page.keyboard.press("j")
    assert page.locator("#count").inner_text() == "1 finding"
    assert page.evaluate("window.hacked") is None
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == 0
    text = page.locator("body").inner_text()
    assert "</script><img src=x onerror=alert(1)>\"'&\\x1b[31m\\n\\u202e.py" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert page.locator(".source mark").inner_text().startswith('torch.save(name, "</script>')


PAYLOADS = (
    "<img src=x onerror=window.hacked=1>",
    "<svg onload=window.hacked=1>",
    "javascript:window.hacked=1",
    "</textarea></style></title><script>window.hacked=1<!-- ",
    "&lt;script&gt;window.hacked=1&lt;/script&gt;",
    "${window.hacked=1}`;window.hacked=1;//",
    "__proto__",
)


def test_nothing_of_a_scanned_file_runs_wherever_it_is_shown(
    open_page: Open, tmp_path: Path
) -> None:
    files = {
        f"{payload.replace('/', chr(0x2215))}.py": (
            f"import torch  # {payload}\nfor name in names:  # {payload}\n"
            f"    torch.save(name, {payload + '.pt'!r})\n"
        )
        for payload in PAYLOADS
    }
    broken = {f"broken {name}": BROKEN for name in files}
    page = open_page(check(files | broken, tmp_path))
    assert page.locator("#count").inner_text() == f"{len(files)} findings"
    for mode in ("By rule", "By file"):
        page.get_by_role("button", name=mode).click()
        for number in range(len(files)):
            page.locator("#list .item").nth(number).click()
            page.locator(".source mark").first.hover()
    for payload in PAYLOADS:
        page.fill("#search", payload)
        page.fill("#file", payload)
    page.reload()
    assert page.evaluate("window.hacked") is None
    assert page.locator("script").count() == 2
    assert page.locator("img, iframe, object, embed, [onerror], [onload]").count() == 0
    assert page.locator("a[href^='javascript' i]").count() == 0


def test_policy_refuses_what_is_not_the_page(open_page: Open, tmp_path: Path) -> None:
    page = open_page(check({"a.py": FIXED_NAME}, tmp_path), provoke=True)
    refused = page.evaluate(
        """async () => {
          const refused = [];
          document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
          document.body.append(Object.assign(document.createElement("script"), { textContent: "window.hacked = 1" }));
          document.body.append(Object.assign(document.createElement("img"), { src: "https://example.org/x.png" }));
          await fetch("https://example.org/").catch(() => {});
          await new Promise((done) => setTimeout(done, 300));
          return [window.hacked === undefined, ...refused.sort()];
        }"""  # noqa: E501
    )
    assert refused == [True, "connect-src", "img-src", "script-src-elem"]


def test_nothing_found(open_page: Open) -> None:
    page = open_page(make_run([], 3))
    assert "Nothing found in 3 files" in page.locator("#detail").inner_text()
    assert page.locator("#count").inner_text() == "0 findings"
    page.keyboard.press("j")
    page.keyboard.press("]")
    page.keyboard.press("x")


def test_no_file_is_not_called_clean(open_page: Open) -> None:
    page = open_page(make_run([]))
    assert "No files were checked" in page.locator("#detail").inner_text()
    assert "Nothing found" not in page.locator("body").inner_text()


def test_the_overview_says_what_to_do_first(open_page: Open, tmp_path: Path) -> None:
    run = check(FILES, tmp_path)
    fixes = Counter(finding.fix for _, finding in run.findings)
    page = open_page(run)
    overview = page.locator(".overview")
    assert overview.locator("h2").first.inner_text() == f"{fixes.total()} findings in 3 files"
    steps = overview.locator(".steps > li")
    assert [text.split("\n")[0] for text in steps.all_inner_texts()] == [
        "Apply the safe fixes",
        "Read the other fixes",
    ]
    assert steps.first.locator("code").all_inner_texts() == [
        "flake8-saveimage fix --diff .",
        "flake8-saveimage fix .",
    ]
    assert "Two consecutive saves write to the same path" in overview.inner_text()
    steps.nth(1).get_by_role("button", name="Show them").click()
    assert page.locator("#count").inner_text() == f"{fixes['unsafe']} of {fixes.total()} findings"
    page.locator("#home").click()
    page.locator(".bars button", has_text="export.py").click()
    assert shown(page) == ["SVI104 line 3"]


def test_the_overview_by_keyboard_alone(open_page: Open, tmp_path: Path) -> None:
    page = open_page(check(FILES, tmp_path))
    button = page.locator(".command button").first
    for _ in range(60):
        if button.evaluate("(node) => node === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert "flake8-saveimage fix --diff ." in page.locator("#toast").inner_text()


def test_lines_of_other_files_are_shown(open_page: Open, tmp_path: Path) -> None:
    files = {
        "helpers.py": 'import torch\n\n\ndef keep(x):\n\ttorch.save(x, "x.pt")  # <here>\n',
        "main.py": "from helpers import keep\n\nfor i in range(3):\n    keep(i)\n",
    }
    page = open_page(check(files, tmp_path))
    page.locator("#list .item", has_text="keep").click()
    elsewhere = page.get_by_role("region", name="Lines of other files")
    assert "helpers.py:5" in elsewhere.inner_text()
    assert 'torch.save(x, "x.pt")  # <here>' in elsewhere.inner_text()


def test_narrow_window_has_no_sideways_scrolling(open_page: Open, tmp_path: Path) -> None:
    page = open_page(check(FILES, tmp_path), viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_data_in_the_page_cannot_end_its_element(tmp_path: Path) -> None:
    run = make_run([CheckedFile("</script><!--", error="<script>")])
    text = report("html", run)
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert not set("<>&") & set(data)
    assert json.loads(data)["errors"] == [["</script><!--", "<script>"]]
    assert text.isascii()
