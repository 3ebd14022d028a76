"""Every label of table and report in English and Chinese, written in each rather than translated.

``{n} [share|shares]`` takes the first word when the hole before it holds 1, the second otherwise. Sentences that
stages hand over (``because``, ``notes``, faults) are not here but in ``phrases.csv``.
"""

import re
from typing import Final, Literal, get_args

from davylamp.report.words_en import EN
from davylamp.report.words_zh import ZH

__all__ = ["EN", "LANGS", "ZH", "Lang", "say"]

Lang = Literal["en", "zh"]
LANGS: Final[tuple[Lang, ...]] = get_args(Lang)

_PLURAL: Final = re.compile(r"(\{(\w+)\}[^{}\[\]]*)\[([^|\]]*)\|([^\]]*)\]")
_BOOK: Final[dict[Lang, dict[str, str]]] = {"en": EN, "zh": ZH}


def say(key: str, lang: Lang = "en", **values: object) -> str:
    """The label ``key`` in ``lang`` with its ``values`` filled in.

    Raises:
        KeyError: no such label, or a value that the label needs is missing.
    """
    label = _BOOK[lang][key]
    if "|" in label:
        label = _PLURAL.sub(lambda m: m[1] + (m[3] if str(values[m[2]]) == "1" else m[4]), label)
    return label.format(**values)
