"""What version numbers and human-readable prefixes of wallet addresses stand for.

Source   xmrig/xmrig src/base/tools/cryptonote/WalletAddress.cpp (Monero, Wownero, ArQmA, Sumokoin, Graft);
         Zephyr, Salvium and Conceal cryptonote_config.h as public wallets test them; chainparams.cpp of Bitcoin,
         Litecoin, Dogecoin, Dash, Ravencoin, DigiByte, Vertcoin; ZIP 173 and zcash chainparams; CIP-37;
         Horizen, Bitcoin Gold, MonaCoin, Komodo, Clore, Neoxa, Neurai, AI Power Grid, Ycash [memory]
"""

from dataclasses import dataclass
from typing import Final, Literal

Network = Literal["main", "test"]


@dataclass(frozen=True, slots=True)
class Prefix:
    """What a version number or human-readable prefix stands for."""

    coins: tuple[str, ...]
    kind: str
    network: Network = "main"


STANDARD, SUB, INTEGRATED = "standard", "subaddress", "integrated"
CRYPTONOTE: Final[dict[int, Prefix]] = {
    18: Prefix(("XMR",), STANDARD),
    19: Prefix(("XMR",), INTEGRATED),
    42: Prefix(("XMR",), SUB),
    53: Prefix(("XMR",), STANDARD, "test"),
    54: Prefix(("XMR",), INTEGRATED, "test"),
    63: Prefix(("XMR",), SUB, "test"),
    24: Prefix(("XMR",), STANDARD, "test"),  # stagenet
    25: Prefix(("XMR",), INTEGRATED, "test"),
    36: Prefix(("XMR",), SUB, "test"),
    0x1032: Prefix(("WOW",), STANDARD),
    0x1A9A: Prefix(("WOW",), INTEGRATED),
    0x2FB0: Prefix(("WOW",), SUB),
    0x2CCA: Prefix(("ARQ",), STANDARD),
    0x116BC7: Prefix(("ARQ",), INTEGRATED),
    0x6847: Prefix(("ARQ",), SUB),
    0x2BB39A: Prefix(("SUMO",), STANDARD),
    0x29339A: Prefix(("SUMO",), INTEGRATED),
    0x8319A: Prefix(("SUMO",), SUB),
    0x5A: Prefix(("GRFT",), STANDARD),
    0x5B: Prefix(("GRFT",), INTEGRATED),
    0x66: Prefix(("GRFT",), SUB),
    0x6241D18C0: Prefix(("ZEPH",), STANDARD),
    0x3EF318: Prefix(("SAL",), STANDARD),
    0x7AD4: Prefix(("CCX",), STANDARD),
}
KEY, SCRIPT = "public key hash", "script hash"
ONE_BYTE: Final[dict[int, Prefix]] = {
    0: Prefix(("BTC", "BCH", "BSV", "XEC"), KEY),
    5: Prefix(("BTC", "BCH", "LTC", "BSV", "XEC"), SCRIPT),  # Litecoin used 5 before 50
    111: Prefix(("BTC", "LTC", "BCH"), KEY, "test"),
    196: Prefix(("BTC", "LTC", "BCH"), SCRIPT, "test"),
    48: Prefix(("LTC",), KEY),
    50: Prefix(("LTC", "MONA"), SCRIPT),  # Litecoin's scripts, MonaCoin's keys
    58: Prefix(("LTC",), SCRIPT, "test"),
    30: Prefix(("DOGE", "DGB"), KEY),
    22: Prefix(("DOGE",), SCRIPT),
    113: Prefix(("DOGE",), KEY, "test"),
    63: Prefix(("DGB",), SCRIPT),
    76: Prefix(("DASH",), KEY),
    16: Prefix(("DASH",), SCRIPT),
    140: Prefix(("DASH",), KEY, "test"),
    60: Prefix(("RVN", "KMD", "ARRR", "RTM"), KEY),
    122: Prefix(("RVN",), SCRIPT),
    71: Prefix(("VTC",), KEY),
    38: Prefix(("BTG", "NEOX"), KEY),
    23: Prefix(("BTG", "CLORE", "AIPG"), KEY),
    53: Prefix(("XNA",), KEY),
}
TWO_BYTES: Final[dict[int, Prefix]] = {
    0x1CB8: Prefix(("ZEC", "FLUX", "BTCZ", "ZER", "ZCL"), KEY),
    0x1CBD: Prefix(("ZEC", "FLUX", "BTCZ", "ZER", "ZCL"), SCRIPT),
    0x1D25: Prefix(("ZEC",), KEY, "test"),
    0x1CBA: Prefix(("ZEC",), SCRIPT, "test"),
    0x2089: Prefix(("ZEN",), KEY),
    0x2096: Prefix(("ZEN",), SCRIPT),
    0x1C28: Prefix(("YEC",), KEY),
}
BECH32_PREFIXES: Final[dict[str, Prefix]] = {
    "bc": Prefix(("BTC",), "segwit"),
    "tb": Prefix(("BTC",), "segwit", "test"),
    "bcrt": Prefix(("BTC",), "segwit", "test"),
    "ltc": Prefix(("LTC",), "segwit"),
    "tltc": Prefix(("LTC",), "segwit", "test"),
    "dgb": Prefix(("DGB",), "segwit"),
    "vtc": Prefix(("VTC",), "segwit"),
    "mona": Prefix(("MONA",), "segwit"),
    "btg": Prefix(("BTG",), "segwit"),
    "ckb": Prefix(("CKB",), "lock script"),
    "ckt": Prefix(("CKB",), "lock script", "test"),
    "xch": Prefix(("XCH",), "puzzle hash"),
    "txch": Prefix(("XCH",), "puzzle hash", "test"),
    "grin": Prefix(("GRIN",), "slatepack"),
    "tgrin": Prefix(("GRIN",), "slatepack", "test"),
    "zs": Prefix(("ZEC", "ARRR"), "shielded"),
    "u": Prefix(("ZEC",), "unified"),
}
CASH_PREFIXES: Final[dict[str, Prefix]] = {
    "bitcoincash": Prefix(("BCH",), "cashaddr"),
    "bchtest": Prefix(("BCH",), "cashaddr", "test"),
    "ecash": Prefix(("XEC",), "cashaddr"),
    "ectest": Prefix(("XEC",), "cashaddr", "test"),
    "kaspa": Prefix(("KAS",), "account"),
    "kaspatest": Prefix(("KAS",), "account", "test"),
}
CONFLUX_PREFIXES: Final[dict[str, Prefix]] = {
    "cfx": Prefix(("CFX",), "account"),
    "cfxtest": Prefix(("CFX",), "account", "test"),
}
ETHEREUM_LIKE: Final = ("ETH", "ETC", "ETHW", "UBQ", "EXP")
