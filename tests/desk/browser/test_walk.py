"""Each role's screens in a real browser, against a real server: no console errors, no accessibility faults, no word
that is missing in Chinese, nothing wider than the screen; by keys and on a phone, light and dark.

``DAVYLAMP_SCREENSHOTS=folder`` keeps the pictures.
"""

import os
import re
from pathlib import Path

import pytest

from desk import scene
from desk.browser.served import ARGS, CHROMIUM, DESKTOP, PHONE, fill, log_in, server

pytestmark = pytest.mark.browser
ORGANISATION = scene.ORGANISATIONS[0][0]
WALKS = {
    "analyst": (
        "/", "/leads/", "/leads/?tier=confirmed&is_open=1&sort=-last_seen", "{lead}", "{lead}evidence/",
        "{lead}timeline/", "{lead}handover/", "{lead}determination/", "/organisations/",
        f"/organisations/{ORGANISATION}/", f"/organisations/{ORGANISATION}/networks/",
        f"/organisations/{ORGANISATION}/contacts/", "/overdue/", "/regions/", "/search/?q=198.51", "/account/",
        "/handovers/", "/handovers/?state=reported", "{first}", "{first}items/", "{first}documents/",
        "{first}feedback/", "{first}timeline/",
    ),
    "approver": ("/", "/leads/", "/figures/", "/handovers/?state=reported", "{first}feedback/"),
    "officer": (
        "/", "/leads/", "/overdue/", "/regions/", "/cases/", "{first}", "{first}hypotheses/", "{first}tasks/",
        "{first}evidence/", "{first}determination/", "{first}remedy/", "{first}disposal/", "{first}timeline/",
    ),
    "leader": ("/", "/figures/", "/regions/?at=2021-09-08"),
    "auditor": ("/", "/audit/", "/audit/?seq=60", "/settings/system/"),
    "admin": (
        "/", "/settings/", "/settings/tokens/", "/settings/calendar/", "/settings/templates/", "/settings/factors/",
        "/settings/system/",
    ),
    "contact": (
        "/", "/leads/", "/organisations/", "/handovers/?state=issued", "{first}", "{first}items/", "{first}documents/",
    ),
}  # fmt: skip
MODES = (
    ("zh-hans", DESKTOP, "light"),
    ("zh-hans", PHONE, "dark"),
    ("en", DESKTOP, "dark"),
    ("en", PHONE, "light"),
)
ENGLISH = re.compile(
    r"\b(?:the|of|is|and|not|with|leads?|states?|dates?|reasons?|search|from|until)\b", re.IGNORECASE
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if not CHROMIUM:
        assert not os.environ.get("DAVYLAMP_REQUIRE_BROWSER"), "no chromium on this machine"
        pytest.skip("no chromium on this machine")
    home = tmp_path_factory.mktemp("desk")
    fill(home)
    with server(home) as base:
        yield base


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright keeps an event loop in this thread
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="module")
def states(site, chromium):
    """Each role logged in once: six digits are good for one login."""
    found = {}
    for name in WALKS:
        context = chromium.new_context()
        log_in(context.new_page(), site, name, scene.PASSWORD, scene.TOTP_KEY)
        found[name] = context.storage_state()
        context.close()
    return found


def opened(chromium, site, state, mode):
    """A page in one mode, and the list that its console errors go to."""
    language, (width, height), scheme = mode
    context = chromium.new_context(
        storage_state=state, viewport={"width": width, "height": height}, color_scheme=scheme
    )
    context.add_cookies([{"name": "django_language", "value": language, "url": site}])
    page, faults = context.new_page(), []
    page.on("console", lambda m: faults.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: faults.append(str(e)))
    return page, faults


def keep(page, name):
    folder = os.environ.get("DAVYLAMP_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


@pytest.mark.parametrize("mode", MODES, ids=lambda m: f"{m[0]}-{m[1][0]}-{m[2]}")
@pytest.mark.parametrize("role", sorted(WALKS))
def test_a_roles_screens_are_clean(site, chromium, states, role, mode):
    from axe_playwright_python.sync_playwright import Axe

    page, faults = opened(chromium, site, states[role], mode)
    lead = first = ""
    for place, walk in enumerate(WALKS[role]):
        if "{lead}" in walk and not lead:
            lead = page.locator("tbody th a").first.get_attribute("href")
        if "{first}" in walk and (
            not first or "?" in WALKS[role][place - 1] or WALKS[role][place - 1] == "/cases/"
        ):
            first = page.locator("tbody th a").first.get_attribute("href")
        address = walk.replace("{lead}", lead).replace("{first}", first)
        answer = page.goto(site + address)
        assert answer.status == 200, address
        keep(page, f"{role}-{place:02d}-{mode[0]}-{mode[1][0]}-{mode[2]}")
        violations = [
            (v["id"], [n["html"][:200] for n in v["nodes"][:3]])
            for v in Axe().run(page).response["violations"]
        ]
        assert violations == [], address
        assert page.evaluate("document.documentElement.scrollWidth") <= mode[1][0], address
        if mode[0] == "zh-hans":
            shown = page.evaluate(
                "what => Array.from(document.querySelectorAll(what)).map(e => e.innerText).join(' ')",
                "nav, h1, h2, h3, th, label, button, summary, .empty",
            )
            assert not ENGLISH.findall(shown), address
    assert faults == []
    page.context.close()


def test_the_queue_is_worked_by_keys(site, chromium, states):
    page, faults = opened(chromium, site, states["analyst"], MODES[2])
    page.goto(f"{site}/leads/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator("tr.at.chosen").count() == 1
    assert page.locator("[data-bulk]").is_visible()
    assert page.locator("[data-chosen]").inner_text() == "1"
    number = page.locator("tr.at th a").inner_text()
    page.keyboard.press("k")
    page.keyboard.press("j")
    page.locator(".sheet").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/leads/{number}/")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"
    page.keyboard.type("j")
    assert page.locator("#find").input_value() == "j"
    assert faults == []
    page.context.close()


def test_sorting_and_filters_swap_the_list_and_stay_in_the_address(site, chromium, states):
    page, faults = opened(chromium, site, states["analyst"], MODES[2])
    page.goto(f"{site}/leads/")
    page.evaluate("window.stayed = true")
    page.locator("thead a", has_text="Address").click()
    page.wait_for_url("**sort=ip*")
    page.locator("summary", has_text="Filter").click()
    page.select_option("#id_tier", "confirmed")
    page.locator("button", has_text="Apply").click()
    page.wait_for_selector(".chips a")
    assert "tier=confirmed" in page.url
    assert "sort=ip" in page.url
    page.locator(".chips a").first.click()
    page.wait_for_selector(".chips", state="detached")
    assert page.evaluate("window.stayed") is True  # no page was loaded anew
    page.go_back()
    page.wait_for_selector(".chips a")
    assert faults == []
    page.context.close()


def test_the_leaders_page_prints_on_one_sheet_of_a4(site, chromium, states):
    page, _ = opened(chromium, site, states["leader"], MODES[0])
    page.goto(f"{site}/figures/")
    printed = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
    folder = os.environ.get("DAVYLAMP_SCREENSHOTS")
    if folder:
        (Path(folder) / "figures.pdf").write_bytes(printed)
    page.context.close()
