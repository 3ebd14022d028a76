"""Official documents: the page as the standard has it, numbers given once, files that are what they were."""

import io
import zipfile
from collections import Counter
from datetime import UTC, datetime

import docx
import pytest
from django.db import transaction
from docx.oxml.ns import qn
from hypothesis import given, settings
from hypothesis import strategies as st

from davylamp.desk.access.models import Duty
from davylamp.desk.access.policy import Forbidden, Hidden
from davylamp.desk.audit.models import AuditEvent
from davylamp.desk.core import vault
from davylamp.desk.documents import layout, shipped
from davylamp.desk.documents.kinds import FORMS
from davylamp.desk.documents.models import Document, NumberSeries
from davylamp.desk.documents.numbers import Number, take_number
from davylamp.desk.documents.render import check_template, render
from davylamp.desk.documents.services import About, make, open_document, use_template
from davylamp.errors import InputError
from desk.people import HANGZHOU, NINGBO, holder, person
from desk.races import own_database, race

SEPTEMBER = datetime(2021, 9, 8, 4, tzinfo=UTC)
TWIPS_PER_MM = 1440 / 25.4
KINDS = sorted(FORMS)


def fields(kind, **more):
    example = {k: v for k, v in FORMS[kind].example.items() if k != "mark"}
    return {**example, **more}


def parts(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def texts(data):
    page = docx.Document(io.BytesIO(data))
    cells = [c.text for t in page.tables for r in t.rows for c in r.cells]
    return [p.text for p in page.paragraphs] + cells


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_is_that_of_the_standard_as_measured_from_the_xml(kind):
    section = docx.Document(shipped.FOLDER / f"{kind}.docx").sections[0]._sectPr
    size, margin, grid = (section.find(qn(f"w:{n}")) for n in ("pgSz", "pgMar", "docGrid"))

    def mm(node, name):
        return int(node.get(qn(f"w:{name}"))) / TWIPS_PER_MM

    width = mm(size, "w") - mm(margin, "left") - mm(margin, "right")
    height = mm(size, "h") - mm(margin, "top") - mm(margin, "bottom")
    assert (mm(size, "w"), mm(size, "h")) == (pytest.approx(210, abs=0.1), pytest.approx(297, abs=0.1))
    assert (mm(margin, "top"), mm(margin, "left")) == (pytest.approx(37, abs=0.1), pytest.approx(28, abs=0.1))
    assert (width, height) == (pytest.approx(156, abs=0.1), pytest.approx(225, abs=0.1))
    assert int(height * TWIPS_PER_MM / int(grid.get(qn("w:linePitch")))) == 22


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_holds_28_characters_and_a_page_22_lines(kind):
    normal = docx.Document(shipped.FOLDER / f"{kind}.docx").styles["Normal"]
    properties = normal.element.rPr
    half_points = int(properties.find(qn("w:sz")).get(qn("w:val")))
    apart = int(properties.find(qn("w:spacing")).get(qn("w:val")))
    assert int(156 * TWIPS_PER_MM / (half_points * 10 + apart)) == 28
    assert int(225 / (normal.paragraph_format.line_spacing.mm)) == 22


def test_body_title_and_headings_have_the_fonts_and_sizes_of_the_standard():
    page = docx.Document(shipped.FOLDER / "letter.docx")

    def look(paragraph):
        run = paragraph.runs[0]
        return run._element.rPr.rFonts.get(qn("w:eastAsia")), run.font.size.pt

    by_text = {p.text: look(p) for p in page.paragraphs if p.runs and p.text.strip()}
    assert by_text["关于移送疑似“挖矿”线索的函"] == ("方正小标宋简体", 22)
    assert by_text["一、签收"] == ("黑体", 16)
    assert by_text["{{ recipient }}："] == ("仿宋_GB2312", 16)


@pytest.mark.parametrize("kind", KINDS)
def test_every_font_names_stand_ins_for_machines_without_it(kind):
    table = parts((shipped.FOLDER / f"{kind}.docx").read_bytes())["word/fontTable.xml"].decode()
    for font, others in layout.STAND_INS.items():
        assert f'w:name="{font}"><w:altName w:val="{",".join(others)}"' in table


@pytest.mark.parametrize("kind", KINDS)
def test_the_shipped_template_is_what_the_script_writes_and_passes_its_own_check(kind):
    shipped_file = (shipped.FOLDER / f"{kind}.docx").read_bytes()
    assert parts(shipped.build(kind)) == parts(shipped_file)
    check_template(kind, shipped_file, kind)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(st.text(max_size=40))
def test_whatever_stands_in_a_field_is_text_and_no_markup(kind, text):
    given_text = text + "<w:p/>{{ 7*7 }}{% raw %}&"
    data, _ = render(kind, {**fields(kind, recipient=given_text), "mark": "DC"})
    assert any("<w:p/>{{ 7*7 }}{% raw %}&" in t for t in texts(data))


def test_an_offices_own_template_is_used_and_the_shipped_one_again_without_it():
    admin, kind = holder(person(Duty.ADMIN)), "supervision"
    own = docx.Document(shipped.FOLDER / f"{kind}.docx")
    own.add_paragraph("本单位自定")
    out = io.BytesIO()
    own.save(out)
    try:
        use_template(admin, kind, out.getvalue(), "督办函.docx")
        assert "本单位自定" in texts(render(kind, {**fields(kind), "mark": "DC"})[0])
    finally:
        use_template(admin, kind, b"", "")
    assert "本单位自定" not in texts(render(kind, {**fields(kind), "mark": "DC"})[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p.add_paragraph("{{ sensor }}"), "sensor"),
        (lambda p: [one.clear() for one in p.paragraphs[:2]], "number"),
        (lambda p: p.add_paragraph("{{ recipient.__class__.__mro__ }}"), "SecurityError"),
        (lambda p: p.add_paragraph("{{ rows[0].source_ref }}"), "UndefinedError"),
        (lambda p: p.add_paragraph("{% for x in %}"), "TemplateSyntaxError"),
    ],
    ids=["unknown", "missing", "escape", "row", "syntax"],
)
def test_a_template_that_cannot_be_used_is_refused_before_it_is(change, words):
    page = docx.Document(shipped.FOLDER / "letter.docx")
    change(page)
    out = io.BytesIO()
    page.save(out)
    with pytest.raises(InputError, match="E-DOC-040") as caught:
        use_template(holder(person(Duty.ADMIN)), "letter", out.getvalue(), "own.docx")
    assert words in caught.value.message.partition("own.docx")[2]


def test_only_an_administrator_brings_templates():
    with pytest.raises(Forbidden):
        use_template(holder(person(Duty.ANALYST)), "letter", shipped.build("letter"), "x.docx")


# --- numbers -----------------------------------------------------------------------------------------------


def test_numbers_begin_at_one_in_each_year_and_word_and_leave_none_out():
    with transaction.atomic():
        taken = [str(take_number("浙矿移", SEPTEMBER)) for _ in range(3)]
        other = str(take_number("浙矿督", SEPTEMBER))
        midnight = str(take_number("浙矿移", datetime(2021, 12, 31, 16, tzinfo=UTC)))  # 2022 in China
    assert taken == ["浙矿移〔2021〕1号", "浙矿移〔2021〕2号", "浙矿移〔2021〕3号"]
    assert (other, midnight) == ("浙矿督〔2021〕1号", "浙矿移〔2022〕1号")


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=12))
def test_a_number_whose_approval_failed_is_given_to_the_next(outcomes):
    word, taken = f"W{len(outcomes)}{sum(outcomes)}", []
    first = NumberSeries.objects.filter(word=word).values_list("last", flat=True).first() or 0
    for succeeds in outcomes:
        try:
            with transaction.atomic():
                number = take_number(word, SEPTEMBER)
                if not succeeds:
                    raise ValueError
                taken.append(number.serial)
        except ValueError:
            pass  # the approval failed: that is the case under test
    assert taken == list(range(first + 1, first + len(taken) + 1))


# --- documents ---------------------------------------------------------------------------------------------


def letter_to(region, organisation="ORG1", number=None, who=None):
    with transaction.atomic():
        about = About(("handover.handover", "x"), "函", "某某学院", region, organisation)
        return make(who or holder(person(Duty.ANALYST)), "letter", fields("letter"), about, number)


def test_a_document_is_read_within_its_region_only_and_each_opening_is_written_down():
    made = letter_to(HANGZHOU)
    with pytest.raises(Hidden):
        open_document(holder(person(Duty.OFFICER, NINGBO)), made)
    data = open_document(holder(person(Duty.OFFICER, HANGZHOU)), made)
    assert any(
        made.export_id in p.text for p in docx.Document(io.BytesIO(data)).sections[0].footer.paragraphs
    )
    last = AuditEvent.objects.latest("seq")
    assert (last.action, last.object_id) == ("document.open", str(made.pk))


def test_a_file_that_was_touched_or_taken_away_is_not_given_out():
    made = letter_to(HANGZHOU)
    reader = holder(person(Duty.OFFICER, HANGZHOU))
    place = vault.place_of(made.sha256)
    place.chmod(0o600)
    place.write_bytes(place.read_bytes() + b" ")
    with pytest.raises(InputError, match="E-DOC-012"):
        open_document(reader, made)
    place.unlink()
    with pytest.raises(InputError, match="E-VLT-004"):
        open_document(reader, made)


def test_a_number_stands_under_one_document_only():
    from django.db import IntegrityError

    number = Number("浙矿移", 2021, 7)
    letter_to(HANGZHOU, number=number)
    with pytest.raises(IntegrityError):
        letter_to(HANGZHOU, number=number)
    assert Document.objects.filter(serial=7).count() == 1


RACER = """
import sys, django
django.setup()
from django.db import transaction
from datetime import UTC, datetime
from davylamp.desk.audit.context import Actor, acting
from davylamp.desk.documents.numbers import take_number
from davylamp.desk.core.models import CalendarDay
with acting(Actor("system", "race", "race", "command")):
    for n in range(int(sys.argv[1])):
        try:
            with transaction.atomic():
                number = take_number("RACE", datetime(2021, 9, 8, tzinfo=UTC))
                if n % 4 == 3:
                    raise ValueError
            print(number.serial)
        except ValueError:
            pass
"""


def test_four_programs_at_once_take_every_number_once(tmp_path):
    with own_database(tmp_path) as env:
        taken = [int(n) for said in race(RACER, env, 4, "20") for n in said.split()]
    assert Counter(taken) == Counter(range(1, 61))


OUTSIDE = """
import django
django.setup()
from datetime import UTC, datetime
from davylamp.desk.documents.numbers import take_number
from davylamp.errors import BadUse
try:
    take_number("RACE", datetime(2021, 9, 8, tzinfo=UTC))
except BadUse as error:
    print(error.code)
"""


def test_no_number_is_taken_outside_a_transaction(tmp_path):
    with own_database(tmp_path) as env:
        assert race(OUTSIDE, env, 1) == ["E-DOC-001\n"]
