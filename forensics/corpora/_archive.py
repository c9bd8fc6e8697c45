"""Reads a zip archive's members into memory, each bounded in real bytes; nothing is written anywhere.

Python before 3.14 does not unpack Zstandard, which inspect writes, so that members are unpacked here.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from forensics.errors import CorpusError
from forensics.transcripts import MAX_FILE, MAX_LINE

STORED, DEFLATED, ZSTANDARD = 0, 8, 93
MOST_MEMBERS = 200_000
LOCAL_HEADER = struct.Struct("<4s22xHH")


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each .json member, in the order of names; raises CorpusError, naming file and member."""
    try:
        with path.open("rb") as handle, zipfile.ZipFile(handle) as archive:
            listed = sorted((i for i in archive.infolist() if i.filename.endswith(".json")), key=lambda i: i.filename)
            if len(listed) > MOST_MEMBERS:
                raise CorpusError(f"holds more than {MOST_MEMBERS} files", where=path.name)
            left = MAX_FILE
            for info in listed:
                plain = _member(handle, info, min(left, MAX_LINE), f"{path.name}, {info.filename}")
                left -= len(plain)
                yield info.filename, plain
    except (zipfile.BadZipFile, struct.error, OSError) as problem:
        raise CorpusError(f"not a readable zip file: {problem}", where=path.name) from None


def _member(handle: IO[bytes], info: zipfile.ZipInfo, limit: int, where: str) -> bytes:
    handle.seek(info.header_offset)
    mark, name, extra = LOCAL_HEADER.unpack(handle.read(LOCAL_HEADER.size))
    if mark != b"PK\x03\x04" or info.flag_bits & 1:
        raise CorpusError("is encrypted or misplaced", where=where)
    handle.seek(name + extra, io.SEEK_CUR)
    plain = _unpacked(info.compress_type, handle.read(info.compress_size), limit + 1, where)
    if len(plain) > limit:
        raise CorpusError("unpacks to more than is read", where=where)
    if zlib.crc32(plain) != info.CRC:
        raise CorpusError("does not match its checksum: the file is damaged", where=where)
    return plain


def _unpacked(method: int, packed: bytes, limit: int, where: str) -> bytes:
    """At most `limit` bytes of what is packed."""
    import zstandard

    try:
        if method == DEFLATED:
            return zlib.decompressobj(wbits=-15).decompress(packed, limit)
        if method == ZSTANDARD:
            reader: Any = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(packed)
            return bytes(reader.read(limit))
    except (zlib.error, zstandard.ZstdError) as problem:
        raise CorpusError(f"cannot be unpacked: {problem}", where=where) from None
    if method != STORED:
        raise CorpusError(f"is packed in a way that is not read (method {method})", where=where)
    return packed[:limit]
