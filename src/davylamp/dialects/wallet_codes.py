"""The encodings of wallet addresses and their checksums; text in, bytes or nothing out.

Source   Monero base58 and address layout: monero-project/monero src/common/base58.cpp; Base58Check: Bitcoin
         wiki; bech32 and bech32m: BIP 173, BIP 350; CashAddr: bitcoincash.org cashaddr specification, used
         by Kaspa and (CIP-37, another alphabet) Conflux; EIP-55; Nano: docs.nano.org "account public key"
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import base58

BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BLOCK_BYTES: Final = {11: 8, 10: 7, 9: 6, 7: 5, 6: 4, 5: 3, 3: 2, 2: 1}  # Monero base58: characters -> bytes
BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
CONFLUX: Final = "abcdefghjkmnprstuvwxyz0123456789"
NANO: Final = "13456789abcdefghijkmnopqrstuwxyz"
BECH32_STEPS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
CASH_STEPS: Final = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
BECH32M: Final = 0x2BC830A3
MOST_CHARACTERS: Final = 256  # judged: the longest address in use, a unified one of Zcash, has about 200


def keccak(data: bytes) -> bytes:
    """Keccak-256, with the padding from before SHA-3."""
    from Crypto.Hash import keccak as implementation

    return implementation.new(digest_bits=256, data=data).digest()


def is_base58(text: str) -> bool:
    """Whether every character is of the base58 alphabet."""
    return bool(text) and not text.strip(BASE58)


def decode_monero(text: str) -> bytes | None:
    """The bytes of Monero's blockwise base58, None when a block or a length is impossible."""
    if not is_base58(text) or len(text) > MOST_CHARACTERS:
        return None
    out = bytearray()
    for start in range(0, len(text), 11):
        block = text[start : start + 11]
        size = BLOCK_BYTES.get(len(block))
        number = 0
        for character in block:
            number = number * 58 + BASE58.index(character)
        if size is None or number >= 1 << 8 * size:
            return None
        out += number.to_bytes(size, "big")
    return bytes(out)


def split_varint(data: bytes) -> tuple[int, bytes] | None:
    """A little-endian base-128 number of at most 9 bytes and the rest."""
    number = 0
    for index, byte in enumerate(data[:9]):
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number, data[index + 1 :]
    return None


def decode_base58(text: str) -> bytes | None:
    """The bytes of plain base58."""
    if not is_base58(text) or len(text) > MOST_CHARACTERS:
        return None
    return bytes(base58.b58decode(text))


def decode_base58check(text: str) -> bytes | None:
    """The payload of Base58Check, None when the double SHA-256 does not fit."""
    if not is_base58(text) or len(text) > MOST_CHARACTERS:
        return None
    try:
        return bytes(base58.b58decode_check(text))
    except ValueError:
        return None


def digits_of(text: str, alphabet: str) -> list[int] | None:
    """Each character's place in the alphabet, None when one is not in it."""
    if text.strip(alphabet):
        return None
    places = {character: place for place, character in enumerate(alphabet)}
    found = [places.get(character) for character in text]
    return [digit for digit in found if digit is not None] if None not in found else None


def polymod(values: Iterable[int], steps: tuple[int, ...], top_bits: int) -> int:
    """The BCH code's remainder: bech32 with 25, CashAddr with 35 bits above which a step feeds back."""
    value = 1
    for digit in values:
        top = value >> top_bits
        value = ((value & ((1 << top_bits) - 1)) << 5) ^ digit
        for bit, step in enumerate(steps):
            if top >> bit & 1:
                value ^= step
    return value


def bech32_kind(prefix: str, data: str) -> str | None:
    """``bech32`` or ``bech32m`` by which checksum fits lower-case text, None when neither does."""
    digits = digits_of(data, BECH32)
    if digits is None or len(digits) < 6:
        return None
    head = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    return {1: "bech32", BECH32M: "bech32m"}.get(polymod(head + digits, BECH32_STEPS, 25))


def cash_fits(prefix: str, data: str, alphabet: str = BECH32) -> bool:
    """Whether the 40-bit checksum of CashAddr and its relatives fits lower-case text."""
    digits = digits_of(data, alphabet)
    if digits is None or len(digits) < 9:
        return False
    head = [ord(c) & 31 for c in prefix] + [0]
    return polymod(head + digits, CASH_STEPS, 35) == 1


def first_byte(data: str, alphabet: str = BECH32) -> int:
    """The first 8 bits of 5-bit digits: CashAddr's version byte, segwit's is the first digit instead."""
    digits = digits_of(data[:2], alphabet) or [0, 0]
    return (digits[0] << 3) | (digits[1] >> 2)


def eip55_fits(digits: str) -> bool:
    """Whether the upper and lower case of 40 hex digits spell the checksum of EIP-55."""
    mask = keccak(digits.lower().encode()).hex()
    return all(c == (c.upper() if int(m, 16) > 7 else c.lower()) for c, m in zip(digits, mask, strict=False))


def nano_fits(data: str) -> bool:
    """Whether the last 8 of 60 digits are the reversed 5-byte BLAKE2b of the key before them."""
    digits = digits_of(data, NANO)
    if digits is None or len(digits) != 60:
        return False
    number = 0
    for digit in digits:
        number = number << 5 | digit
    key, check = number >> 40, number & (1 << 40) - 1
    if key >> 256:
        return False
    return blake2b(key.to_bytes(32, "big"), digest_size=5).digest()[::-1] == check.to_bytes(5, "big")


def ergo_fits(data: bytes) -> bool:
    """Whether the last 4 bytes are the BLAKE2b-256 of those before."""
    return blake2b(data[:-4], digest_size=32).digest()[:4] == data[-4:]
