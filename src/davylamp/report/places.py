"""What regions are called in the reader's language."""

from davylamp.report.plain import plain
from davylamp.report.words import Lang
from davylamp.tables.regions import english_name, full_name, region_of, roll_up


def place_name(code: str, lang: Lang, given: str = "") -> str:
    """Province, city and county in the order of the language; a county keeps its Chinese name in English.

    ``given`` is the name that the scan found, which may come from the operator's own table of regions.

    >>> place_name("330100", "en"), place_name("330106", "zh")
    ('Hangzhou, Zhejiang', '浙江省杭州市西湖区')
    """
    if lang == "zh" or given not in ("", full_name(code)):
        return plain(given or full_name(code))
    steps = dict.fromkeys((code, roll_up(code, "city"), roll_up(code, "province")))
    return ", ".join(filter(None, map(_english, steps))) or plain(code)


def city_name(code: str, lang: Lang) -> str:
    """The city alone, as a map names it."""
    row = region_of(code)
    return (row.name if row and lang == "zh" else _english(code)) or plain(code)


def _english(code: str) -> str:
    """The English name, else the Chinese one, else nothing."""
    row = region_of(code)
    return english_name(code) or (row.name if row else "")
