"""Wallet addresses: whose coin does this text name, and does its checksum hold?

Reading is honest about what an address cannot tell: a prefix that several coins share gives all of them, and a
format without checksum says so. Nothing here decides which coin is *mined*; a wallet shows where pay goes.

Source   formats in `wallet_codes`, prefixes in `wallet_prefixes`, each with its own sources
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from davylamp.dialects import wallet_codes as codes
from davylamp.dialects.wallet_prefixes import (
    BECH32_PREFIXES,
    CASH_PREFIXES,
    CONFLUX_PREFIXES,
    CRYPTONOTE,
    ETHEREUM_LIKE,
    KEY,
    ONE_BYTE,
    STANDARD,
    TWO_BYTES,
    Network,
    Prefix,
)

Checksum = Literal["verified", "not checkable", "failed"]


@dataclass(frozen=True, slots=True)
class WalletReading:
    """What an address says of itself.

    ``coins`` is empty when the checksum holds and the prefix is of no coin known here; ``normalized`` is the
    address as it is compared with others.
    """

    coins: tuple[str, ...]
    kind: str
    network: Network
    checksum: Checksum
    normalized: str


CERTAINTY: Final[tuple[Checksum, ...]] = ("verified", "not checkable", "failed")
HEX: Final = re.compile(r"[0-9a-fA-F]+")


def recognise(text: str) -> list[WalletReading]:
    """Every way to read a text as a wallet address, the surest first; empty when it is none.

    Args:
        text: the address alone, without worker name or difficulty (`split_login` takes those apart).
    """
    if not 20 <= len(text) <= codes.MOST_CHARACTERS or not text.isascii():
        return []
    readings = [reading for reader in READERS for reading in reader(text)]
    return sorted(readings, key=lambda reading: CERTAINTY.index(reading.checksum))


def read_cryptonote(text: str) -> list[WalletReading]:
    """Monero and relatives: prefix, two keys, 4 bytes of Keccak."""
    if not 90 <= len(text) <= 200:
        return []
    data = codes.decode_monero(text)
    fits = data is not None and codes.keccak(data[:-4])[:4] == data[-4:]
    parts = codes.split_varint(data[:-4]) if fits and data is not None else None
    if parts is not None and len(parts[1]) >= 64:
        meant = CRYPTONOTE.get(parts[0], Prefix((), f"CryptoNote address with prefix {parts[0]:#x}"))
        return [WalletReading(meant.coins, meant.kind, meant.network, "verified", text)]
    if codes.is_base58(text) and (len(text), text[0]) in ((95, "4"), (95, "8"), (106, "4")):
        return [WalletReading(("XMR",), STANDARD, "main", "failed", text)]
    return []


def read_base58check(text: str) -> list[WalletReading]:
    """Bitcoin and relatives: one or two bytes of version, 20 of hash, 4 of double SHA-256."""
    if not 25 <= len(text) <= 36:
        return []
    payload = codes.decode_base58check(text)
    if payload is None:
        likely = codes.is_base58(text) and len(text) == 34 and text[0] in "1LDX"
        coins = {"1": ("BTC", "BCH"), "L": ("LTC",), "D": ("DOGE",), "X": ("DASH",)}.get(text[0], ())
        return [WalletReading(coins, KEY, "main", "failed", text)] if likely else []
    meant = None
    if len(payload) == 21:
        meant = ONE_BYTE.get(payload[0], Prefix((), f"Base58Check address with version {payload[0]}"))
    elif len(payload) == 22:
        version = int.from_bytes(payload[:2], "big")
        meant = TWO_BYTES.get(version, Prefix((), f"Base58Check address with version {version:#06x}"))
    return [WalletReading(meant.coins, meant.kind, meant.network, "verified", text)] if meant else []


def read_bech32(text: str) -> list[WalletReading]:
    """Bech32 and bech32m with a known prefix; all upper or all lower case."""
    if text not in (text.lower(), text.upper()):
        return []
    lower = text.lower()
    prefix, _, data = lower.rpartition("1")
    meant = BECH32_PREFIXES.get(prefix)
    if meant is None or len(data) < 12 or codes.digits_of(data, codes.BECH32) is None:
        return []
    kind = codes.bech32_kind(prefix, data)
    if meant.kind == "segwit" and kind is not None:
        taproot = data[0] != codes.BECH32[0]
        kind = kind if taproot == (kind == "bech32m") else None
        meant = Prefix(meant.coins, "taproot or later" if taproot else "segwit", meant.network)
    return [WalletReading(meant.coins, meant.kind, meant.network, "verified" if kind else "failed", lower)]


def read_cash(text: str) -> list[WalletReading]:
    """CashAddr and its relatives, with their prefix or, where one can be tried, without."""
    if text not in (text.lower(), text.upper()):
        return []
    prefix, colon, data = text.lower().rpartition(":")
    prefix = prefix.partition(":")[0]  # Conflux may say its type in between
    if not colon:
        tried = [p for p in CASH_PREFIXES if codes.cash_fits(p, data)]
        return [_cash(p, data, CASH_PREFIXES[p], verified=True) for p in tried]
    if codes.digits_of(data, codes.CONFLUX if prefix in CONFLUX_PREFIXES else codes.BECH32) is None:
        return []
    if prefix in CASH_PREFIXES:
        return [_cash(prefix, data, CASH_PREFIXES[prefix], verified=codes.cash_fits(prefix, data))]
    if prefix in CONFLUX_PREFIXES:
        fits = codes.cash_fits(prefix, data, codes.CONFLUX)
        return [_cash(prefix, data, CONFLUX_PREFIXES[prefix], verified=fits)]
    return []


def _cash(prefix: str, data: str, meant: Prefix, *, verified: bool) -> WalletReading:
    checksum: Checksum = "verified" if verified else "failed"
    return WalletReading(meant.coins, meant.kind, meant.network, checksum, f"{prefix}:{data}")


def read_xelis(text: str) -> list[WalletReading]:
    """Xelis: bech32 with a colon. Its checksum is taken as bech32's; where that fails nothing is claimed."""
    prefix, colon, data = text.lower().partition(":")
    if not colon or prefix not in ("xel", "xet") or codes.digits_of(data, codes.BECH32) is None:
        return []
    network: Network = "main" if prefix == "xel" else "test"
    fits: Checksum = "verified" if codes.bech32_kind(prefix, data) else "not checkable"
    return [WalletReading(("XEL",), "account", network, fits, text.lower())] if len(data) > 40 else []


def read_ethereum(text: str) -> list[WalletReading]:
    """Twenty bytes of hex; mixed case spells the checksum of EIP-55, one case says nothing."""
    bare = not text.startswith(("0x", "0X"))
    digits = text if bare else text[2:]
    if len(digits) != 40 or not HEX.fullmatch(digits):
        return []
    checksum: Checksum = "not checkable"
    if digits not in (digits.lower(), digits.upper()):
        checksum = "verified" if codes.eip55_fits(digits) else "failed"
    kind = "account without 0x" if bare else "account"
    return [WalletReading(ETHEREUM_LIKE, kind, "main", checksum, "0x" + digits.lower())]


def read_ergo(text: str) -> list[WalletReading]:
    """Ergo: type and network in one byte, a compressed key, 4 bytes of BLAKE2b."""
    data = codes.decode_base58(text) if len(text) in (51, 52) else None
    if data is None or len(data) != 38 or not codes.ergo_fits(data):
        return []
    return [WalletReading(("ERG",), "public key", "test" if data[0] & 0x10 else "main", "verified", text)]


def read_nano(text: str) -> list[WalletReading]:
    """Nano, which is paid out but not mined."""
    prefix, _, data = text.lower().partition("_")
    if prefix not in ("nano", "xrb") or len(data) != 60 or codes.digits_of(data, codes.NANO) is None:
        return []
    fits: Checksum = "verified" if codes.nano_fits(data) else "failed"
    return [WalletReading(("XNO",), "account", "main", fits, f"nano_{data}")]


def read_unchecked(text: str) -> list[WalletReading]:
    """Formats whose checksum does not exist or needs a hash that is not at hand."""

    def plain(coins: tuple[str, ...], kind: str, normal: str) -> list[WalletReading]:
        return [WalletReading(coins, kind, "main", "not checkable", normal)]

    if text.startswith("k:") and len(text) == 66 and HEX.fullmatch(text[2:]):
        return plain(("KDA",), "public key", text.lower())
    if HEX.fullmatch(text) and len(text) in (64, 66, 67):
        return plain(("IRON",) if len(text) == 64 else ("BEAM",), "public key", text.lower())
    if text[0] in "Qq" and len(text) == 79 and HEX.fullmatch(text[1:]):
        return plain(("QRL",), "extended public key", text)
    if text.startswith("Ds") and len(text) == 35 and codes.is_base58(text):
        return plain(("DCR",), KEY, text)  # BLAKE-256 checksum
    data = codes.decode_base58(text) if 43 <= len(text) <= 46 and text[0] == "1" else None
    if data is not None and len(data) == 33 and data[0] == 0:
        return plain(("ALPH",), KEY, text)
    return []


READERS: Final[tuple[Callable[[str], list[WalletReading]], ...]] = (
    read_cryptonote,
    read_base58check,
    read_bech32,
    read_cash,
    read_xelis,
    read_ethereum,
    read_ergo,
    read_nano,
    read_unchecked,
)

# --- logins ------------------------------------------------------------------------------------------------

MOST_LOGIN: Final = 512  # judged: an integrated address, a payment id, a worker and an email fit
MOST_ENDS: Final = 16  # judged: a login has a handful of parts
SEPARATORS: Final = "./+#@?~,;|:_ -"
PAYMENT_ID: Final = re.compile(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{16}")
TICKER: Final = re.compile(r"[A-Z]{2,6}")
EMAIL: Final = re.compile(r"[^@\s/]+@[^@\s/]+")
NAME_LETTERS: Final = 64  # judged: longer names are no names


@dataclass(frozen=True, slots=True)
class LoginParts:
    """What a login is made of; parts that it does not have are None.

    ``account`` is a pool's user name where there is no wallet. ``extra`` keeps what was said besides: ``solo``,
    the ticker a multi-coin pool shall pay in, a payment id, a referral code.
    """

    wallet: str | None = None
    worker: str | None = None
    rig: str | None = None
    extra: str | None = None
    fixed_difficulty: float | None = None
    email: str | None = None
    account: str | None = None
    readings: tuple[WalletReading, ...] = ()


def split_login(login: str) -> LoginParts:
    """Take a login apart by the habits of pools.

    Known habits: ``wallet.worker``, ``wallet.paymentid.worker``, ``wallet/worker/email``, ``wallet+difficulty``,
    ``wallet.worker+difficulty``, ``solo:wallet``, ``TICKER:wallet.worker#referral``, ``wallet:worker``,
    ``account.worker``.
    """
    text = login.strip()[:MOST_LOGIN]
    for said, rest in ((None, text), *prefixed(text)):
        wallet, readings = longest_wallet(rest)
        if wallet:
            return with_rest(LoginParts(wallet=wallet, extra=said, readings=readings), rest[len(wallet) :])
    account, dot, rest = text.partition(":")[0].partition(".")
    if not account or (not dot and "/" not in account):
        return LoginParts(account=account or None)
    if not dot:
        account, _, rest = text.partition("/")
        return with_rest(LoginParts(account=account), "/" + rest)
    return with_rest(LoginParts(account=account), "." + rest)


def prefixed(text: str) -> list[tuple[str, str]]:
    """What stands before the first colon, and the rest, where that is a mode or a ticker."""
    head, colon, rest = text.partition(":")
    return [(head.lower() if head.lower() == "solo" else head, rest)] if colon and is_mode(head) else []


def is_mode(head: str) -> bool:
    """``solo`` or a ticker in capital letters."""
    return head.lower() == "solo" or TICKER.fullmatch(head) is not None


def longest_wallet(text: str) -> tuple[str, tuple[WalletReading, ...]]:
    """The surest, then longest beginning up to a separator or the end that reads as a wallet, and its readings."""
    ends = [i for i, c in enumerate(text[: codes.MOST_CHARACTERS]) if c in SEPARATORS][:MOST_ENDS]
    found = [(text[:end], tuple(recognise(text[:end]))) for end in [len(text), *reversed(ends)]]
    wallets = [(wallet, readings) for wallet, readings in found if readings]
    return min(wallets, key=lambda pair: CERTAINTY.index(pair[1][0].checksum), default=("", ()))


def with_rest(parts: LoginParts, rest: str) -> LoginParts:
    """The parts of what follows a wallet or account, ``rest`` beginning with its separator."""
    said = [parts.extra] if parts.extra else []
    names: list[str] = []
    fixed, email = None, None
    for mark, piece in re.findall(r"([./+#?~,;|:_ @-]|^)([^/+#?~,;| ]*)", rest):
        if mark == "+" and piece.replace(".", "", 1).isdigit():
            fixed = float(piece[:15])
        elif EMAIL.fullmatch(piece) and (mark == "/" or "." in piece.partition("@")[2]):
            email = piece
        elif mark in "#?~" and mark:
            said.append(piece)
        else:
            payment, _, after = piece.partition(".")
            known = bool(parts.wallet) and not names and PAYMENT_ID.fullmatch(payment) is not None
            said += [payment] if known else []
            names.append((after if known else piece)[:NAME_LETTERS])
    names = [name for name in names if name]
    return replace(
        parts,
        worker=names[0] if names else None,
        rig=names[1] if len(names) > 1 else None,
        extra=" ".join(filter(None, said)) or None,
        fixed_difficulty=fixed,
        email=email,
    )
