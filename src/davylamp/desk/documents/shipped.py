"""The templates that come with the desk, written by this module: ``python -m davylamp.desk.documents.shipped``.

They lie beside it in ``templates/documents/``. An office that wants its own copies one to ``$DAVYLAMP_HOME/templates``
and edits it in Word; upgrades never touch that folder.
"""

import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from docx.document import Document

from davylamp.desk.documents.layout import body, head, heading, line, new_page, signature, table, title

FOLDER: Final = Path(__file__).parent / "templates" / "documents"
EPOCH: Final = (2021, 9, 8, 0, 0, 0)  # of every part, so that building twice gives the same file


def letter() -> Document:
    """移送函."""
    page = new_page()
    head(page, "{{ office }}", "{{ number }}")
    title(page, "关于移送疑似“挖矿”线索的函")
    line(page, "{{ recipient }}：")
    body(
        page,
        "经监测，截至{{ as_of }}，发现归属你单位的 {{ count }} 个网络地址存在疑似虚拟货币“挖矿”行为，"
        "现将线索移送你单位核查处置（紧急程度：{{ severity }}）。有关要求如下：",
    )
    heading(page, "一、签收")
    body(page, "请于{{ receipt_due }}前签收。地址不属于你单位、信息不足或者重复的，请退回并注明理由。")
    heading(page, "二、核查与反馈")
    body(
        page,
        "清理设备前请先固定证据，保留运行状态、日志和存储介质。请于{{ feedback_due }}前反馈每个地址的核查结果、"
        "涉及主机、起始时间和处置措施。",
    )
    heading(page, "三、保密")
    body(page, "线索仅供核查使用，请控制知悉范围，首先报告单位负责人。监测结果为疑似，定性以核查结果为准。")
    line(page, "附件：疑似“挖矿”线索清单", indent=2)
    signature(page, "{{ office }}", "{{ day }}")
    page.add_page_break()
    line(page, "附件", "黑体")
    title(page, "疑似“挖矿”线索清单")
    table(
        page,
        (
            ("序号", "no", 10), ("线索编号", "lead", 26), ("网络地址", "address", 29), ("端口", "ports", 13),
            ("首次发现", "first_seen", 19), ("最近发现", "last_seen", 19), ("内容", "what", 20),
            ("矿池", "pool", 20),
        ),
    )  # fmt: skip
    line(page, "")
    table(
        page,
        (
            ("序号", "no", 10), ("线索编号", "lead", 26), ("可信程度", "tier", 16), ("算力", "hashrate", 32),
            ("监测次数", "observations", 16), ("主机", "host", 24), ("最弱环节", "weakest", 32),
        ),
    )  # fmt: skip
    return page


def notice() -> Document:
    """整改通知书."""
    page = new_page()
    head(page, "{{ office }}", "{{ number }}")
    title(page, "整改通知书")
    line(page, "{{ recipient }}：")
    body(page, "根据{{ basis }}移送的线索，{{ finding }}", "现责令你单位于{{ due }}前完成下列整改：")
    table(
        page,
        (("序号", "no", 12), ("整改措施", "measure", 74), ("期限", "due", 32), ("证明材料", "proof", 38)),
    )
    body(page, "整改完成后请报告并附证明材料，由非本单位人员复查。对本通知有异议的，可以书面申辩。")
    signature(page, "{{ office }}", "{{ day }}")
    return page


def feedback() -> Document:
    """反馈表."""
    page = new_page()
    title(page, "线索核查反馈表")
    body(page, "来函文号：{{ number }}", "单位：{{ recipient }}", "反馈期限：{{ feedback_due }}")
    line(page, "")
    table(
        page,
        (
            ("序号", "no", 10), ("线索编号", "lead", 26), ("网络地址", "address", 29), ("核查发现", "found", 25),
            ("主机（位置、编号）", "host", 24), ("起始时间", "since", 18), ("处置措施", "measure", 24),
        ),
        row_mm=12,
    )  # fmt: skip
    line(page, "")
    body(page, "附件目录：", "核查人（两人）：", "单位负责人：", "日期（盖章）：")
    return page


def supervision() -> Document:
    """督办函."""
    page = new_page()
    head(page, "{{ office }}", "{{ number }}")
    title(page, "督办函")
    line(page, "{{ recipient }}：")
    body(
        page,
        "{{ organisation }}承办的{{ about }}（涉及 {{ count }} 个网络地址）应于{{ due }}前完成{{ stage }}，"
        "至今逾期{{ late }}。",
        "请督促承办单位尽快办理，并于{{ reply_due }}前回复督办情况。",
    )
    signature(page, "{{ office }}", "{{ day }}")
    return page


WRITERS: Final[dict[str, Callable[[], Document]]] = {
    "letter": letter,
    "notice": notice,
    "feedback": feedback,
    "supervision": supervision,
}


def build(kind: str) -> bytes:
    """A template as bytes, the same each time."""
    from datetime import datetime

    page = WRITERS[kind]()
    about = page.core_properties
    about.author, about.title, about.comments = "Davylamp", kind, ""
    about.created = about.modified = datetime(*EPOCH)
    about.last_modified_by, about.revision = "Davylamp", 1
    raw, out = io.BytesIO(), io.BytesIO()
    page.save(raw)
    with zipfile.ZipFile(raw) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist()):
            new.writestr(zipfile.ZipInfo(name, EPOCH), old.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def main(folder: Path = FOLDER) -> None:
    """Write them all."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in WRITERS:
        (folder / f"{kind}.docx").write_bytes(build(kind))
        sys.stdout.write(f"{folder / kind}.docx\n")


if __name__ == "__main__":
    main()
