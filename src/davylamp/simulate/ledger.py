"""A sample ledger (台账) for the simulator's captures: made-up organisations with keys of their own, in real regions.

It covers the networks of the first clients of `davylamp.simulate.capture` and the whole of
`davylamp.simulate.campus`, and leaves the fifth client's network out, so that an address of nobody is seen too.
"""

import csv
import io
from pathlib import Path
from typing import Final

from davylamp.errors import OutputError

HEAD: Final = ("单位编号", "单位名称", "行政区划代码", "行业", "是否公共机构", "地址段")
ROWS: Final = (
    ("SAMPLE-1", "示例大学", "330106", "教育", "是", "10.20.0.0/24; 10.8.0.0/16; 203.0.113.0/24"),
    ("SAMPLE-2", "示例医院", "330203", "卫生", "是", "10.20.1.0/24"),
    ("SAMPLE-3", "示例软件公司", "330110", "信息", "否", "10.20.2.0/24"),
    ("SAMPLE-4", "示例水务公司", "330302", "水利", "是", "10.20.3.0/24"),
)


def write_ledger(path: Path) -> None:
    """Write the sample ledger as CSV in UTF-8 with a mark, as spreadsheets save it.

    Raises:
        OutputError: E-OUT-001 when it cannot be written.
    """
    out = io.StringIO(newline="")
    csv.writer(out).writerows((HEAD, *ROWS))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(out.getvalue().encode("utf-8-sig"))
    except OSError as error:
        hint = "choose a place that can be written"
        raise OutputError("E-OUT-001", f"cannot write {path}: {error.strerror}", hint) from error
