"""What a file is that is no capture, told cheaply by its first bytes, for the error message."""

from typing import Final

_CONVERT: Final = "convert it with editcap -F pcapng (Wireshark)"
_GIVE_CAPTURES: Final = "give pcap or pcapng files, plain or packed with gzip, zstd, xz or lz4"

_LOOKS: Final = (
    (b"snoop\0\0\0", "a Solaris snoop file", _CONVERT),
    (b"GMBU", "a Microsoft Network Monitor file", _CONVERT),
    (b"RTSS", "a Microsoft Network Monitor file", _CONVERT),
    (b"XCP\0", "a NetXRay file", _CONVERT),
    (b"TRSNIFF data    \x1a", "a Network General Sniffer file", _CONVERT),
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"BZh", "a bzip2 file", "unpack it first"),
    (b"\x7fELF", "a Linux program", _GIVE_CAPTURES),
    (b"MZ", "a Windows program", _GIVE_CAPTURES),
    (b"%PDF", "a PDF document", _GIVE_CAPTURES),
    (b"PAR1", "a Parquet table", _GIVE_CAPTURES),
    (b"SQLite format 3", "an SQLite database", _GIVE_CAPTURES),
    (b"#separator", "a Zeek log", "this command reads packets, not logs"),
)


def look_of(head: bytes) -> tuple[str, str]:
    """What ``head`` looks like and what to do about it."""
    for magic, look, hint in _LOOKS:
        if head.startswith(magic):
            return look, hint
    if head[257:262] == b"ustar":
        return "a tar archive", "unpack it first"
    if all(byte in b"\t\r\n" or 32 <= byte != 127 for byte in head):
        return "text", _GIVE_CAPTURES
    return "something unknown", _GIVE_CAPTURES
