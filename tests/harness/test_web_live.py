"""The app in a real browser: a search is started by a form and seen to advance; no fault of the console or of axe-core.

`make live` installs what this needs; `.ci/run` runs those marked `browser`. Screenshots stay in `runs/screenshots`.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.bench.page import card_page
from tests.harness.run_folders import EVIL, begun, card_lines, ended, user_task

pytestmark = pytest.mark.live
SHOTS = Path(__file__).resolve().parents[2] / "runs" / "screenshots"
WIDTHS = (1280, 768, 375)
PATIENCE_MS = 90_000
"""A busy machine is no fault of a page."""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    root = tmp_path_factory.mktemp("live")
    with pytest.MonkeyPatch.context() as patch:
        user_task(root, patch)
        ended(root / "runs", name="one")
        ended(root / "runs", name="two")
        begun(root / "runs", n=30, name="begun")
        argv = ["serve", "--out", str(root / "runs"), "--port", "0", "--allow-weak-sandbox"]
        server = subprocess.Popen([sys.executable, "-m", "harness", *argv], stdout=subprocess.PIPE, text=True)
        yield server.stdout.readline().strip().rstrip("/")
        server.terminate()
        server.wait(30)
        server.stdout.close()


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or pytest.skip("no chromium here")
    SHOTS.mkdir(parents=True, exist_ok=True)
    with sync_api.sync_playwright() as p:
        browser = p.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A page whose console stayed empty."""
    page, faults = browser.new_page(), []
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", lambda m: faults.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: faults.append(f"a dialog: {dialog.message}"))
    yield page
    page.close()
    assert faults == []


def until(page, holds):
    """Wait for what a page comes to show; its policy lets no driver evaluate there."""
    for _ in range(1200):
        if holds():
            return
        page.wait_for_timeout(200)
    raise AssertionError("it never came")


def serious(page):
    """What axe-core finds serious or critical."""
    import axe_playwright_python

    script = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js")).read_text()
    page.evaluate(script)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (v["id"], [n["html"][:120] for n in v["nodes"][:3]])
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    "name",
    [
        "",
        pytest.param("leaderboard", marks=pytest.mark.browser),
        "score",
        "tasks/add",
        "fit",
        pytest.param("runs/one", marks=pytest.mark.browser),
        "runs/begun",
        "compare?run=one&run=two",
    ],
)
def test_every_page_at_every_width(page, address, name, dark):
    page.emulate_media(color_scheme="dark" if dark else "light")
    for width in WIDTHS if not dark else WIDTHS[-1:]:
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{address}/{name}", wait_until="domcontentloaded")
        if name.startswith("runs/"):
            page.wait_for_selector("#program")
        stem = (name or "index").split("?")[0].replace("/", "-")
        page.screenshot(path=SHOTS / f"{stem}-{width}{'-dark' if dark else ''}.png", full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{name} at {width} is {wide} px too wide"
    assert serious(page) == []


@pytest.mark.browser
def test_the_file_opens_from_disk_sorts_and_filters(page, address, tmp_path):
    text = page.request.get(f"{address}/runs/one/report.html", timeout=PATIENCE_MS).text()
    (tmp_path / "report.html").write_text(text)
    page.goto((tmp_path / "report.html").as_uri())
    assert page.evaluate("document.querySelectorAll('img, script').length") == 1
    rows = page.locator("#laws tbody tr:visible")
    assert rows.count() == 6
    page.locator("input[data-filters=laws]").fill("c000019")
    assert rows.count() == 1
    page.locator("input[data-filters=laws]").fill("")
    page.locator("#laws th button").first.click()
    page.keyboard.press("Enter")
    assert page.locator("#laws th").first.get_attribute("aria-sort") == "descending"
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=SHOTS / f"report-{width}.png", full_page=True)
    assert serious(page) == []


def test_a_law_is_fitted_by_a_form_and_has_a_page(page, address, tmp_path):
    table = tmp_path / "rows.csv"
    rows = [f"{10**k},{2 + 5 * 10 ** (-0.3 * k) + 1e-4 * (-1) ** k:.7f}" for k in range(2, 12)]
    table.write_text("\n".join(["N,loss", *rows]))
    page.goto(f"{address}/fit")
    page.locator("input[type=file]").set_input_files(table)
    page.locator("input[name=law]").fill("E + A*N**-alpha")
    page.locator("input[name=target]").fill("loss")
    page.locator("main button").click()
    link = page.locator("a", has_text="the page of this fit")
    link.wait_for()
    link.click()
    page.locator("#checklist").wait_for()
    assert page.locator("svg.figure").count() == 5 and page.locator("#law math").count() >= 3
    widths_fit(page, "fit-page")
    assert serious(page) == []


def test_a_card_opens_from_disk_and_sorts(page, tmp_path):
    (tmp_path / "report.html").write_text(card_page(card_lines(), ["Made by `harness bench`."]))
    page.goto((tmp_path / "report.html").as_uri())
    page.locator("#scores th button", has_text="R2, mean").click()
    first = page.locator("#scores tbody tr td").first
    assert first.text_content() == EVIL
    page.keyboard.press("Enter")
    assert first.text_content() == "one"
    widths_fit(page, "card")
    assert serious(page) == []


def widths_fit(page, name):
    """A picture at each width, none of them wider than the screen."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=SHOTS / f"{name}-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{name} at {width}"


@pytest.mark.browser
def test_a_search_is_started_by_keyboard_and_seen_to_advance(page, address):
    page.goto(address)
    page.locator("select[name=task]").select_option("mine")
    page.locator("input[name=minutes]").fill("0.2")
    page.locator("input[name=seed]").press("Enter")
    page.wait_for_url("**/jobs/*")
    # The page of a command comes anew while the command runs: its link is followed by address, so that no click is lost.
    page.goto(address + page.locator("a", has_text="the run, as it goes on").get_attribute("href"))
    counts = set()

    def finished():
        counts.add(int(page.locator("[data-f=evaluations]").text_content()))
        return page.locator("[data-f=state]").text_content() == "finished"

    until(page, finished)
    assert len(counts) >= 3, f"it was to be seen to advance, and went {sorted(counts)}"
    page.locator("#body #rows").wait_for()
    page.screenshot(path=SHOTS / "live-1280.png", full_page=True)


def test_two_laws_are_chosen_and_compared(page, address):
    page.goto(f"{address}/leaderboard")
    # A search on the task's own rows stands on a board of its own: laws of one board are compared.
    board = page.locator("form", has=page.locator("input[value=one]"))
    compare = board.locator("button", has_text="compare the two chosen")
    assert compare.is_disabled()
    for name in ("one", "two"):
        board.locator(f"input[value={name}]").check()
    compare.click()
    page.locator(".sides section").nth(1).wait_for()
    assert page.url.endswith("/compare?run=one&run=two") or page.url.endswith("/compare?run=two&run=one")
    assert page.locator(".sides section").count() == 2
