"""The screens: who sees what, that nothing leaks, that nothing is changed but through the services."""

import ast
import json
import re
from importlib import import_module

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_totp.models import TOTPDevice

from davylamp.desk.access.models import Clearance, Duty, Posting, Recusal, Token, User
from davylamp.desk.audit.models import AuditEvent
from davylamp.desk.core.models import SavedView
from davylamp.desk.leads.models import Lead
from davylamp.desk.pages.navigation import ENTRIES
from davylamp.desk.registry.models import ContactPoint
from desk.people import HANGZHOU, NINGBO, XIHU, organisation, person
from desk.test_policy import lead

from support import ROOT

PAGES = ROOT / "src" / "davylamp" / "desk" / "pages"
OPEN = {"login", "set_language"}
MASKS = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]+"')


def browser(user, language="en"):
    """A logged-in client whose second factor was shown."""
    client = Client(HTTP_ACCEPT_LANGUAGE=language)
    client.cookies["django_language"] = language
    client.force_login(user)
    device, _ = TOTPDevice.objects.get_or_create(user=user, name="t", confirmed=True)
    session = client.session
    session[DEVICE_ID_SESSION_KEY] = device.persistent_id
    session.save()
    return client


def plain(response):
    """A body without what is drawn anew for every answer."""
    return MASKS.sub(b"", response.content)


def names():
    return sorted({p.name for p in patterns() if p.name})


def patterns():
    """The addresses of the screens."""
    return import_module("davylamp.desk.pages.urls").urlpatterns


def address(name):
    """An address for a name; what it asks for does not exist."""
    key = "00000000-0000-4000-8000-000000000000"
    found = next(p for p in patterns() if p.name == name)
    kinds = found.pattern.converters
    values = {k: key if type(c).__name__ == "UUIDConverter" else "nothing" for k, c in kinds.items()}
    return reverse(name, kwargs=values)


def test_pages_reach_rows_only_through_the_policy_and_services():
    round_about = ("objects", "_base_manager", "_default_manager")
    at_fault = [
        f"{path.name}:{node.lineno}"
        for path in PAGES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in round_about
    ]
    assert at_fault == []


def test_every_address_but_the_login_asks_who_you_are():
    for name in names():
        if name in OPEN:
            continue
        for method in ("post",) if name == "logout" else ("get", "post"):
            response = getattr(Client(enforce_csrf_checks=False), method)(address(name))
            assert response.status_code == 302, name
            assert response.headers["Location"].startswith("/login/"), name


@pytest.mark.parametrize("duty", Duty.values)
def test_every_word_of_the_rail_opens_a_page_for_whoever_sees_it(duty):
    unit = organisation("ORG1")
    user = person(duty, XIHU if duty == Duty.CONTACT else HANGZHOU, unit.code if duty == Duty.CONTACT else "")
    client = browser(user)
    page = client.get("/")
    for entry in ENTRIES:
        href = reverse(entry.url)
        is_shown = f'href="{href}"'.encode() in page.content
        if is_shown:
            assert client.get(href).status_code == 200, href


@pytest.mark.parametrize("page", ["leads", "organisations", "overdue", "regions", "leader", "search", "home"])
def test_an_outsiders_page_is_byte_equal_with_and_without_what_they_may_not_know_of(page):
    client = browser(person(Duty.OFFICER, HANGZHOU))
    query = "?q=192.0.2" if page == "search" else ""
    frozen = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d")
    before = frozen.sub(b"", plain(client.get(reverse(page) + query)))
    organisation("HIDDEN", region=NINGBO)
    lead(1, NINGBO)
    lead(2, XIHU, classification=Clearance.SECRET)
    assert frozen.sub(b"", plain(client.get(reverse(page) + query))) == before


@pytest.mark.parametrize("name", ["lead", "lead-tab"])
def test_what_is_hidden_and_what_does_not_exist_look_the_same(name):
    lead(1, NINGBO)
    client = browser(person(Duty.OFFICER, HANGZHOU))
    more = ["timeline"] if name == "lead-tab" else []
    answers = [client.get(reverse(name, args=[number, *more])) for number in ("L1", "L9")]
    assert [a.status_code for a in answers] == [404, 404]
    bodies = [plain(a).replace(number, b"") for a, number in zip(answers, (b"L1", b"L9"), strict=True)]
    assert bodies[0] == bodies[1]
    unknown = client.get("/no/such/page/")
    main = re.compile(rb"<main.*</main>", re.DOTALL)
    assert main.findall(unknown.content) == main.findall(answers[0].content)


def test_a_recusal_takes_the_organisation_off_every_screen():
    organisation("ORG1", name="回避单位")
    lead(1, organisation="ORG1")
    user = person(Duty.ANALYST)
    Recusal(user=user, organisation_code="ORG1", reason="former employer").save()
    client = browser(user)
    for page in ("/", "/leads/", "/organisations/", "/search/?q=回避"):
        body = client.get(page).content.decode()
        assert "回避单位" not in body.replace('value="回避"', "").replace(": 回避", "")
        assert ">L1<" not in body
    assert client.get("/organisations/ORG1/").status_code == 404


def test_the_queue_asks_the_same_number_of_questions_for_one_row_and_for_fifty():
    user = person(Duty.ANALYST)
    client = browser(user)

    def asked():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get("/leads/").status_code == 200
        return len(queries)

    lead(1)
    client.get("/leads/")
    few = asked()
    for n in range(2, 52):
        lead(n)
    assert asked() == few


def test_an_organisations_contact_sees_no_wallet_pool_worker_or_chain():
    organisation("ORG1")
    made = lead(1, organisation="ORG1")
    made.wallet, made.pool, made.worker, made.weakest_link = (
        "4WALLET",
        "pool.example.org",
        "lab-7",
        "lease: unknown",
    )
    made.save()
    client = browser(person(Duty.CONTACT, XIHU, "ORG1"))
    pages = [client.get(f"/leads/?col={c}") for c in ("wallet", "pool", "weakest_link", "assigned_to")]
    pages += [client.get("/leads/?q=4WALLET"), client.get("/leads/?sort=pool"), client.get("/leads/L1/")]
    for page in pages:
        body = re.sub(
            r'value="4WALLET"|> 4WALLET|q=4WALLET', "", page.content.decode()
        )  # the question itself
        assert not any(w in body for w in ("4WALLET", "pool.example.org", "lab-7", "lease: unknown"))
    assert client.get("/leads/export/").status_code == 200
    assert AuditEvent.objects.filter(action="lead.export").latest("seq").changes.find('"rows":0') > 0


def test_many_leads_are_assigned_after_a_preview_that_changes_nothing():
    user, other = person(Duty.ANALYST), person(Duty.ANALYST, name="Second")
    first, second = lead(1), lead(2)
    client = browser(user)
    items = {"item": [str(first.pk), str(second.pk)], "to": str(other.pk)}
    versions = {f"version-{x.pk}": x.version for x in (first, second)}
    page = client.post("/leads/assign/", {**items, "step": "preview"})
    assert "Second" in page.content.decode()
    assert not Lead.objects.exclude(assigned_to=None).exists()
    second.host = "someone else was faster"
    second.save()
    page = client.post("/leads/assign/", {**items, **versions, "step": "do"}, follow=True)
    assert Lead.objects.get(pk=first.pk).assigned_to == other
    assert Lead.objects.get(pk=second.pk).assigned_to is None
    assert "E-AUD-003" in page.content.decode()


def test_who_does_not_work_in_the_region_is_never_assigned():
    far = person(Duty.ANALYST, NINGBO)
    item = lead(1, XIHU)
    client = browser(person(Duty.ANALYST))
    data = {"step": "assign", "to": str(far.pk), "version": item.version}
    assert client.post("/leads/L1/step/", data).status_code == 400
    assert Lead.objects.get().assigned_to is None


def test_a_step_from_an_old_page_is_refused_and_what_was_written_is_kept():
    item = lead(1)
    client = browser(person(Duty.ANALYST))
    data = {"step": "give_up", "reason": "my long explanation", "version": item.version - 1}
    response = client.post("/leads/L1/step/", data)
    assert response.status_code == 409
    assert "my long explanation" in response.content.decode()


def test_invariant_22_personal_fields_are_masked_until_a_purpose_is_given_and_the_look_is_recorded():
    organisation("ORG1")
    contact = ContactPoint(
        organisation_code="ORG1", region_code=XIHU, name="周建平", phone="13800001234", email="z@example.org"
    )
    contact.save()
    client = browser(person(Duty.ANALYST))
    assert "13800001234" not in client.get("/organisations/ORG1/contacts/").content.decode()
    address = f"/organisations/ORG1/contacts/{contact.pk}/reveal/"
    assert client.post(address, {"purpose": " "}).status_code == 400
    assert "13800001234" in client.post(address, {"purpose": "call about L1"}).content.decode()
    row = AuditEvent.objects.latest("seq")
    assert (row.action, row.reason) == ("contact.unmask", "call about L1")
    assert "13800001234" not in client.get("/organisations/ORG1/contacts/").content.decode()


def test_invariant_25_an_export_holds_what_the_screen_shows_and_a_watermark(tmp_path):
    lead(1, XIHU)
    lead(2, NINGBO)
    made = lead(3, XIHU)
    made.organisation_name, made.organisation_code = "=cmd|' /C calc'!A0", "ORG1"
    made.save()
    response = browser(person(Duty.OFFICER, HANGZHOU)).get("/leads/export/?q=L&sort=number")
    path = tmp_path / "x.xlsx"
    path.write_bytes(response.content)
    sheet = openpyxl.load_workbook(path).active
    cells = [c for row in sheet.iter_rows() for c in row if c.value is not None]
    texts = [str(c.value) for c in cells]
    assert {"L1", "L3"} <= set(texts)
    assert "L2" not in texts
    assert not any(c.data_type == "f" for c in cells)
    row = AuditEvent.objects.filter(action="lead.export").get()
    assert row.object_id in " ".join(texts)
    assert json.loads(row.changes)["rows"] == 2


def test_filters_stand_as_chips_whose_address_takes_them_away():
    lead(1)
    page = browser(person(Duty.ANALYST)).get("/leads/?tier=confirmed&state=new&state=closed").content.decode()
    chips = re.findall(r'<ul class="chips".*?</ul>', page, re.DOTALL)[0]
    assert re.findall(r'<a href="([^"]+)"', chips) == [
        "?tier=confirmed&amp;state=closed",
        "?tier=confirmed&amp;state=new",
        "?state=new&amp;state=closed",
    ]


@pytest.mark.parametrize(
    "query",
    ["state=nonsense", "page=99999999", "page=x", "sort=version", "per=7", "col=key", "q=%00", "since=never"],
)
def test_an_odd_address_never_breaks_the_queue(query):
    lead(1)
    assert browser(person(Duty.ANALYST)).get(f"/leads/?{query}").status_code == 200


def test_a_saved_view_is_its_owners_alone_and_never_leads_elsewhere():
    user, other = person(Duty.ANALYST), person(Duty.ANALYST)
    client = browser(user)
    response = client.post(
        "/views/keep/", {"screen": "leads", "name": "my own view", "query": "tier=confirmed&page=3"}
    )
    assert response.headers["Location"] == "/leads/?tier=confirmed"
    assert "my own view" in client.get("/leads/").content.decode()
    assert "my own view" not in browser(other).get("/leads/").content.decode()
    view = SavedView.objects.get()
    assert browser(other).post("/views/remove/", {"screen": "leads", "view": str(view.pk)}).status_code == 404
    assert client.post("/views/keep/", {"screen": "//evil.example", "name": "x"}).status_code == 400
    client.post("/views/remove/", {"screen": "leads", "view": str(view.pk)})
    assert "my own view" not in client.get("/leads/").content.decode()


def test_an_administrator_makes_accounts_within_its_reach_and_never_widens_its_own():
    admin = person(Duty.ADMIN, HANGZHOU, clearance=Clearance.INTERNAL)
    client = browser(admin)
    form = {"username": "new", "name": "New", "duty": "analyst", "region_code": XIHU, "clearance": 1}
    page = client.post("/settings/", form).content.decode()
    password = re.findall(r'<code class="once">([^<]+)', page)[0]
    assert User.objects.get(username="new").check_password(password)
    assert password not in client.get("/settings/").content.decode()
    assert client.post("/settings/", {**form, "username": "far", "region_code": NINGBO}).status_code == 403
    assert client.post("/settings/", {**form, "username": "high", "clearance": 3}).status_code == 403
    assert not User.objects.filter(username__in=("far", "high")).exists()
    own = {"act": "post", "duty": "analyst", "region_code": XIHU, "clearance": 1}
    assert client.post(f"/settings/accounts/{admin.pk}/change/", own).status_code == 403
    assert Posting.objects.filter(user=admin).count() == 1


def test_closing_an_account_ends_its_postings_and_tokens_and_keeps_its_name():
    admin, user = person(Duty.ADMIN), person(Duty.ANALYST, name="王芳")
    Token.issue(user, "sensor", ["read"], timezone.now() + timezone.timedelta(days=5))
    client = browser(admin)
    assert (
        client.post(f"/settings/accounts/{user.pk}/change/", {"act": "close", "reason": ""}).status_code
        == 400
    )
    client.post(f"/settings/accounts/{user.pk}/change/", {"act": "close", "reason": "left"})
    kept = User.objects.get(pk=user.pk)
    assert (kept.is_active, kept.name) == (False, "王芳")
    assert not Posting.objects.filter(user=user, valid_to=None).exists()
    assert not Token.objects.filter(user=user, revoked_at=None).exists()


def test_a_tokens_secret_is_shown_once_and_kept_nowhere():
    user = person(Duty.ANALYST)
    client = browser(person(Duty.ADMIN))
    form = {"act": "issue", "account": str(user.pk), "name": "sensor", "scopes": ["intake"], "days": 30}
    secret = re.findall(r"dvl_[\w-]+", client.post("/settings/tokens/", form).content.decode())[0]
    assert Token.find(secret) is not None
    assert secret not in client.get("/settings/tokens/").content.decode()
    assert not AuditEvent.objects.filter(changes__contains=secret).exists()


def test_only_auditors_read_the_audit_and_verify_it():
    lead(1)
    for duty in (Duty.ANALYST, Duty.ADMIN, Duty.LEADER):
        client = browser(person(duty))
        assert client.get("/audit/").status_code == 403
        assert client.post("/audit/verify/").status_code == 403
    client = browser(person(Duty.AUDITOR))
    assert "lead.create" in client.get("/audit/").content.decode()
    assert "Sound" in client.post("/audit/verify/").content.decode()


def test_a_regional_auditor_reads_no_rows_of_other_regions_nor_the_provinces_own():
    lead(1, XIHU)
    lead(2, NINGBO)
    body = (
        browser(person(Duty.AUDITOR, HANGZHOU)).get("/audit/?col=object_id&col=region_code").content.decode()
    )
    keys = {n: str(Lead.objects.get(number=n).pk) for n in ("L1", "L2")}
    assert keys["L1"] in body
    assert keys["L2"] not in body
    assert "the province" not in re.findall(r"<tbody.*</tbody>", body, re.DOTALL)[0]


def test_text_of_people_is_shown_as_text():
    organisation("ORG1", name="<script>alert(1)</script>")
    made = lead(1, organisation="ORG1")
    made.organisation_name = "<img src=x onerror=alert(1)>"
    made.save()
    client = browser(person(Duty.ANALYST))
    for page in (
        "/",
        "/leads/",
        "/leads/L1/",
        "/organisations/",
        "/organisations/ORG1/",
        "/search/?q=<script>",
    ):
        body = client.get(page).content.decode()
        assert "<script>alert" not in body
        assert "<img src=x" not in body


def test_no_page_holds_an_inline_script_or_style():
    lead(1)
    for page in ("/", "/leads/", "/leads/L1/", "/regions/", "/figures/", "/account/"):
        body = browser(person(Duty.ANALYST)).get(page).content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>|\sstyle=|<style|\son\w+=|javascript:", body), page


def test_the_language_is_kept_with_the_account():
    user = person(Duty.ANALYST)
    client = browser(user)
    client.post("/account/language/", {"language": "zh-hans"})
    assert User.objects.get(pk=user.pk).language == "zh-hans"
    assert "待办事项" in client.get("/").content.decode()
    client.post("/account/language/", {"language": "xx"})
    assert User.objects.get(pk=user.pk).language == "zh-hans"


def test_a_password_is_changed_with_the_old_one_only_and_a_weak_one_is_refused():
    user = person(Duty.OFFICER)
    client = browser(user)
    new = "seven wet lamps below"
    for old, fresh, again, status in (
        ("wrong", new, new, 400), ("correct horse battery", "short", "short", 400),
        ("correct horse battery", new, "different", 302), ("correct horse battery", new, new, 302),
    ):  # fmt: skip
        assert (
            client.post("/account/password/", {"old": old, "new": fresh, "again": again}).status_code
            == status
        )
    assert User.objects.get(pk=user.pk).check_password(new)
    assert client.get("/").status_code == 200
