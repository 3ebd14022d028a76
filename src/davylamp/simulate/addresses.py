"""Wallet addresses with valid checksums, drawn at random: nobody holds their keys.

Source: each coin's address specification (Monero base58 and Keccak, Base58Check, BIP 173/350, EIP-55, CashAddr).
"""

import random
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

import base58
import bech32

MONERO_BLOCK: Final = {8: 11, 5: 7}  # bytes -> characters, Monero base58
BECH32M: Final = 0x2BC830A3
CASHADDR: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
CASHADDR_STEPS: Final = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
CONFLUX: Final = "abcdefghjkmnprstuvwxyz0123456789"


def keccak(data: bytes) -> bytes:
    """Keccak-256, the padding before SHA-3."""
    from Crypto.Hash import keccak as implementation

    return implementation.new(digest_bits=256, data=data).digest()


def monero(rng: random.Random) -> str:
    """A main-net standard address: network byte 18, two public keys, 4 bytes of Keccak."""
    payload = bytes([18]) + rng.randbytes(64)
    payload += keccak(payload)[:4]
    text = ""
    for start in range(0, len(payload), 8):
        block = payload[start : start + 8]
        text += base58.b58encode(block).decode().rjust(MONERO_BLOCK[len(block)], "1")
    return text


def base58check(version: bytes) -> Callable[[random.Random], str]:
    """Addresses of a version prefix over a 20-byte hash."""
    return lambda rng: base58.b58encode_check(version + rng.randbytes(20)).decode()


def segwit(prefix: str) -> Callable[[random.Random], str]:
    """Native segwit v0 addresses."""
    return lambda rng: str(bech32.encode(prefix, 0, list(rng.randbytes(20))))


def fives(data: bytes) -> list[int]:
    """Bytes as 5-bit values, padded."""
    return bech32.convertbits(data, 8, 5) or []


def modified_bech32(prefix: str) -> Callable[[random.Random], str]:
    """Bech32m over 32 bytes."""

    def draw(rng: random.Random) -> str:
        data = fives(rng.randbytes(32))
        values = bech32.bech32_hrp_expand(prefix) + data
        check = bech32.bech32_polymod([*values, 0, 0, 0, 0, 0, 0]) ^ BECH32M
        data += [(check >> 5 * (5 - i)) & 31 for i in range(6)]
        return prefix + "1" + "".join(bech32.CHARSET[d] for d in data)

    return draw


def ethereum(rng: random.Random) -> str:
    """An EIP-55 address."""
    digits = rng.randbytes(20).hex()
    mask = keccak(digits.encode()).hex()
    return "0x" + "".join(c.upper() if int(m, 16) > 7 else c for c, m in zip(digits, mask, strict=False))


def cash_checksum(prefix: str, data: list[int]) -> list[int]:
    """The 40-bit CashAddr checksum as eight 5-bit values."""
    value = 1
    for digit in [ord(c) & 31 for c in prefix] + [0, *data] + [0] * 8:
        top = value >> 35
        value = ((value & 0x07FFFFFFFF) << 5) ^ digit
        for bit, step in enumerate(CASHADDR_STEPS):
            if top >> bit & 1:
                value ^= step
    value ^= 1
    return [(value >> 5 * (7 - i)) & 31 for i in range(8)]


def cash(prefix: str, size: int, alphabet: str = CASHADDR) -> Callable[[random.Random], str]:
    """CashAddr-like addresses: version byte 0 over ``size`` bytes."""

    def draw(rng: random.Random) -> str:
        data = fives(b"\0" + rng.randbytes(size))
        return prefix + ":" + "".join(alphabet[d] for d in data + cash_checksum(prefix, data))

    return draw


def ergo(rng: random.Random) -> str:
    """A pay-to-public-key address: type 1, compressed key, 4 bytes of BLAKE2b."""
    payload = b"\x01\x02" + rng.randbytes(32)
    return base58.b58encode(payload + blake2b(payload, digest_size=32).digest()[:4]).decode()


def account(rng: random.Random) -> str:
    """An account name, for pools that know users and no wallets."""
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=8))


DRAW: Final[dict[str, Callable[[random.Random], str]]] = {
    "XMR": monero,
    "BTC": segwit("bc"),
    "BCH": cash("bitcoincash", 20),
    "LTC": segwit("ltc"),
    "DOGE": base58check(b"\x1e"),
    "DASH": base58check(b"\x4c"),
    "ZEC": base58check(b"\x1c\xb8"),
    "RVN": base58check(b"\x3c"),
    "ETC": ethereum,
    "KAS": cash("kaspa", 32),
    "CKB": modified_bech32("ckb"),
    "XCH": modified_bech32("xch"),
    "CFX": cash("cfx", 20, CONFLUX),
    "ERG": ergo,
    "ALPH": lambda rng: base58.b58encode(b"\0" + rng.randbytes(32)).decode(),
    "KDA": lambda rng: "k:" + rng.randbytes(32).hex(),
    "IRON": lambda rng: rng.randbytes(32).hex(),
    "BEAM": lambda rng: rng.randbytes(33).hex(),
}


def address(coin: str, rng: random.Random) -> str:
    """A well-formed address of a coin, or an account name where its pools take names."""
    return DRAW.get(coin, account)(rng)
