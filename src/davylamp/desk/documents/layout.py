"""The page of an official document, GB/T 9704-2012, as python-docx is told it.

A4; 37 mm above and 28 mm left of a text block of 156 by 225 mm; 22 lines of 28 characters; body 3号 仿宋, title 2号
小标宋, headings 黑体 and 楷体. The fonts are licensed: the file names stand-ins for each, so that a machine without
them still shows a serif for a serif.
"""

from collections.abc import Sequence
from typing import Any, Final

import docx
from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph

TOP_MM, LEFT_MM, BLOCK_WIDTH_MM, BLOCK_HEIGHT_MM = 37, 28, 156, 225  # GB/T 9704-2012, 5.2
PAGE_WIDTH_MM, PAGE_HEIGHT_MM = 210, 297  # A4
LINES, CHARACTERS = 22, 28  # GB/T 9704-2012, 5.3
TWIPS_PER_MM: Final = 1440 / 25.4
BODY_PT, TITLE_PT, HEAD_PT, SMALL_PT, TABLE_PT = 16.0, 22.0, 28.0, 14.0, 9.0  # 3号, 2号, -, 4号, 小5号
LINE_TWIPS: Final = int(BLOCK_HEIGHT_MM * TWIPS_PER_MM / LINES)
# twips between characters: 28 of them in 156 mm. A grid of characters would say the same to Word, but LibreOffice gives
# a character that is wider than its cell two of them.
CHARACTER_SPACE: Final = int(BLOCK_WIDTH_MM * TWIPS_PER_MM / CHARACTERS) - int(BODY_PT * 20)
BODY, TITLE, BLACK, ITALIC = "仿宋_GB2312", "方正小标宋简体", "黑体", "楷体_GB2312"
LATIN: Final = "Times New Roman"
RED: Final = RGBColor(0xC8, 0x10, 0x2E)
STAND_INS: Final[dict[str, tuple[str, ...]]] = {
    BODY: ("仿宋", "FangSong", "STFangsong", "Noto Serif CJK SC", "Source Han Serif SC"),
    TITLE: ("小标宋体", "华文中宋", "STZhongsong", "SimSun", "Noto Serif CJK SC"),
    BLACK: ("SimHei", "Heiti SC", "Microsoft YaHei", "Noto Sans CJK SC"),
    ITALIC: ("楷体", "KaiTi", "STKaiti", "Noto Serif CJK SC"),
    LATIN: ("Liberation Serif", "Nimbus Roman"),
}


def new_page() -> Document:
    """An empty document with the page, the grid, the fonts and their stand-ins, and numbered pages."""
    document = docx.Document()
    section = document.sections[0]
    section.page_width, section.page_height = Mm(PAGE_WIDTH_MM), Mm(PAGE_HEIGHT_MM)
    section.top_margin, section.left_margin = Mm(TOP_MM), Mm(LEFT_MM)
    section.right_margin = Mm(PAGE_WIDTH_MM - LEFT_MM - BLOCK_WIDTH_MM)
    section.bottom_margin = Mm(PAGE_HEIGHT_MM - TOP_MM - BLOCK_HEIGHT_MM)
    section.header_distance, section.footer_distance = Mm(15), Mm(18)  # its top 7 mm below the block
    for old in section._sectPr.findall(qn("w:docGrid")):
        section._sectPr.remove(old)
    grid = OxmlElement("w:docGrid")
    for name, value in (("type", "lines"), ("linePitch", LINE_TWIPS)):
        grid.set(qn(f"w:{name}"), str(value))
    section._sectPr.append(grid)
    normal = document.styles["Normal"]
    normal.font.size = Pt(BODY_PT)
    set_fonts(normal.element.get_or_add_rPr(), BODY)
    for size in document.styles.element.iterfind(f".//{qn('w:rPrDefault')}//{qn('w:sz')}"):
        size.set(qn("w:val"), str(int(2 * BODY_PT)))
    apart = OxmlElement("w:spacing")
    apart.set(qn("w:val"), str(CHARACTER_SPACE))
    normal.element.get_or_add_rPr().insert_element_before(apart, "w:sz")
    form = normal.paragraph_format
    form.space_before = form.space_after = Pt(0)
    form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(LINE_TWIPS / 20)
    _name_stand_ins(document)
    _footer(document)
    return document


def set_fonts(properties: Any, chinese: str) -> None:
    """Chinese and Latin fonts of a run or style, in place of the theme's."""
    fonts = properties.find(qn("w:rFonts"))
    if fonts is None:
        fonts = OxmlElement("w:rFonts")
        properties.insert(0, fonts)
    for name in list(fonts.attrib):
        del fonts.attrib[name]
    for name, value in (("ascii", LATIN), ("hAnsi", LATIN), ("eastAsia", chinese), ("cs", LATIN)):
        fonts.set(qn(f"w:{name}"), value)


def line(
    where: Any,
    text: str,
    font: str = BODY,
    size_pt: float = BODY_PT,
    align: WD_ALIGN_PARAGRAPH | None = None,
    indent: float = 0,
) -> Paragraph:
    """One paragraph; ``indent`` of its first line in characters."""
    paragraph: Paragraph = where.add_paragraph()
    run = paragraph.add_run(text)
    run.font.size = Pt(size_pt)
    set_fonts(run._element.get_or_add_rPr(), font)
    if align is not None:
        paragraph.alignment = align
    if indent:
        paragraph.paragraph_format.first_line_indent = Pt(size_pt * indent)
    return paragraph


def head(document: Document, office: str, number: str) -> None:
    """The office in red, its number, the red line."""
    centre = WD_ALIGN_PARAGRAPH.CENTER
    top = line(document, office, TITLE, HEAD_PT, centre)
    top.runs[0].font.color.rgb = RED
    top.paragraph_format.line_spacing = Pt(2 * LINE_TWIPS / 20)
    under = line(document, number, align=centre)
    borders = OxmlElement("w:pBdr")
    bottom = OxmlElement("w:bottom")
    for name, value in (("val", "single"), ("sz", "18"), ("space", "4"), ("color", str(RED))):
        bottom.set(qn(f"w:{name}"), value)
    borders.append(bottom)
    under._p.get_or_add_pPr().append(borders)
    line(document, "")


def title(document: Document, *lines: str) -> None:
    """The title, 2号 小标宋, and an empty line."""
    for text in lines:
        line(document, text, TITLE, TITLE_PT, WD_ALIGN_PARAGRAPH.CENTER)
    line(document, "")


def body(document: Document, *paragraphs: str) -> None:
    """Body text, two characters in."""
    for text in paragraphs:
        line(document, text, indent=2)


def heading(document: Document, text: str) -> None:
    """A heading of the first rank, 黑体."""
    line(document, text, BLACK, indent=2)


def signature(document: Document, office: str, day: str) -> None:
    """Who signs and when, to the right; never alone on a page."""
    document.paragraphs[-1].paragraph_format.keep_with_next = True
    line(document, "").paragraph_format.keep_with_next = True
    for text in (office, day):
        form = line(document, text, align=WD_ALIGN_PARAGRAPH.RIGHT).paragraph_format
        form.right_indent, form.keep_with_next = Pt(4 * BODY_PT), text == office


def table(document: Document, columns: Sequence[tuple[str, str, float]], row_mm: float = 0) -> None:
    """A table that repeats a row for each of the field ``rows``.

    Args:
        document: where.
        columns: heading, field of a row, width in mm.
        row_mm: least height of a row, where people write by hand.
    """
    made = document.add_table(rows=4, cols=len(columns))
    made.style, made.autofit = "Table Grid", False
    for at, (header, name, width_mm) in enumerate(columns):
        made.columns[at].width = Mm(width_mm)
        texts = (header, "", f"{{{{ row.{name} }}}}", "")
        for row, text in enumerate(texts):
            cell = made.cell(row, at)
            cell.width = Mm(width_mm)
            if text:
                _cell_text(cell.paragraphs[0], text, BLACK if row == 0 else BODY)
    _cell_text(made.cell(1, 0).paragraphs[0], "{%tr for row in rows %}", BODY)
    _cell_text(made.cell(3, 0).paragraphs[0], "{%tr endfor %}", BODY)
    if row_mm:
        made.rows[2].height = Mm(row_mm)
    first = made.rows[0]._tr.get_or_add_trPr()
    first.append(OxmlElement("w:tblHeader"))
    for row in made.rows:
        row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))


def _cell_text(paragraph: Paragraph, text: str, font: str) -> None:
    run = paragraph.add_run(text)
    run.font.size = Pt(TABLE_PT)
    set_fonts(run._element.get_or_add_rPr(), font)
    form = paragraph.paragraph_format
    form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(15)
    snap = OxmlElement("w:snapToGrid")
    snap.set(qn("w:val"), "0")
    paragraph._p.get_or_add_pPr().append(snap)


def _footer(document: Document) -> None:
    """Page number as — 1 —, and the export's mark in small print."""
    foot = document.sections[0].footer.paragraphs[0]
    foot.alignment = WD_ALIGN_PARAGRAPH.CENTER
    for text, kind in (("— ", ""), ("PAGE", "field"), (" —", "")):
        run = foot.add_run("" if kind else text)
        run.font.size = Pt(SMALL_PT)
        set_fonts(run._element.get_or_add_rPr(), "宋体")
        if kind:
            for piece in ("begin", "", "end"):
                part = OxmlElement("w:fldChar" if piece else "w:instrText")
                if piece:
                    part.set(qn("w:fldCharType"), piece)
                else:
                    part.text = text
                run._element.append(part)
    mark = document.sections[0].footer.add_paragraph()
    mark.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    for paragraph, height_pt in ((foot, 16), (mark, 10)):
        form = paragraph.paragraph_format
        form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(height_pt)
    run = mark.add_run("{{ mark }}")
    run.font.size = Pt(8)
    set_fonts(run._element.get_or_add_rPr(), "宋体")


def _name_stand_ins(document: Document) -> None:
    """word/fontTable.xml: each font with the names to try when it is not there."""
    fonts = "".join(
        f'<w:font w:name="{name}"><w:altName w:val="{",".join(others)}"/>'
        f'<w:charset w:val="{"00" if name == LATIN else "86"}"/>'
        f'<w:family w:val="{"swiss" if name == BLACK else "roman"}"/></w:font>'
        for name, others in STAND_INS.items()
    )
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    xml = (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:fonts xmlns:w="{space}">{fonts}</w:fonts>'
    )
    for relation in document.part.rels.values():
        if relation.reltype.endswith("/fontTable"):
            relation.target_part._blob = xml.encode()
