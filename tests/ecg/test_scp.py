"""SCP-ECG records, written here bit by bit: what is read, and what damage is found."""
import binascii
import struct
from pathlib import Path

import numpy as np
import pytest

from ecg.lead_table import LEADS
from ecg.signals.raw_record import RecordError
from ecg.signals.records import read_record
from ecg.signals.scp_record import read_scp_record
from ecg.simulate.heart import heartbeats
from ecg.sources import find_pages

UV = np.round(1000 * heartbeats(0)).astype(int)
NUMBERS = {"I": 1, "II": 2, "III": 61, "aVR": 62, "aVL": 63, "aVF": 64, **{f"V{k}": k + 2 for k in range(1, 7)}}


def huffman(values: np.ndarray) -> bytes:
    """Numbers by the default table of the standard (EN 1064, C.2.7.4)."""
    codes = []
    for value in values.tolist():
        if abs(value) <= 8:
            codes.append("1" * abs(value) + "0" + ("" if value == 0 else "1" if value < 0 else "0"))
        elif -128 <= value < 128:
            codes.append("1111111110" + f"{value & 0xFF:08b}")
        else:
            codes.append("1111111111" + f"{value & 0xFFFF:016b}")
    bits = "".join(codes)
    bits += "0" * (-len(bits) % 16)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def differences(values: np.ndarray, order: int) -> np.ndarray:
    out = values.copy()
    if order:
        out[order:] = np.diff(values, order)
    if order == 2:
        out[1] = values[1]
    return out


def section(number: int, content: bytes) -> bytes:
    rest = struct.pack("<HIBB6s", number, 16 + len(content), 20, 20, b"SCPECG" if not number else b"") + content
    return struct.pack("<H", binascii.crc_hqx(rest, 0xFFFF)) + rest


def scp(leads: tuple[str, ...] = LEADS, packed: bool = True, order: int = 2, nanovolts: int = 1000, tables: int = 19999,
        flags: int = 4, bimodal: int = 0, counts: np.ndarray = UV, first: int = 1) -> bytes:
    """A record, 2 ms a sample."""
    rows = [differences(counts[LEADS.index(lead)], order) for lead in leads]
    data = [huffman(row) if packed else row.astype("<i2").tobytes() for row in rows]
    n = counts.shape[1]
    parts = {1: b"\xff\0\0", 3: struct.pack("<BB", len(leads), flags) + b"".join(
        struct.pack("<IIB", first, first + n - 1, NUMBERS[lead]) for lead in leads),
        6: struct.pack("<HHBB", nanovolts, 2000, order, bimodal) + struct.pack(f"<{len(data)}H", *map(len, data))
        + b"".join(data)}
    if packed:
        parts[2] = struct.pack("<H", tables)
    return record({number: section(number, parts[number]) for number in sorted(parts)})


def record(sections: dict[int, bytes]) -> bytes:
    """Sections behind the pointers to them and the head of the record."""
    at, pointers = 6 + 16 + 12 * 10 + 1, b""
    for number in range(12):
        length = 16 + 12 * 10 if not number else len(sections.get(number, b""))
        place = 7 if not number else at if length else 0
        at += length if number else 0
        pointers += struct.pack("<HII", number, length, place)
    rest = section(0, pointers) + b"".join(sections.values())
    rest = struct.pack("<I", 6 + len(rest)) + rest
    return struct.pack("<H", binascii.crc_hqx(rest, 0xFFFF)) + rest


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("packed", [False, True])
def test_leads_are_read_as_they_were_written(packed: bool, order: int, tmp_path: Path) -> None:
    (tmp_path / "a.SCP").write_bytes(scp(packed=packed, order=order) + b"behind the record")
    found = read_record(tmp_path / "a.SCP", 100)
    assert found.leads == LEADS and found.fs_hz == 500
    assert found.mv == pytest.approx(UV / 1000, abs=1e-9)
    assert [job.path for job in find_pages([tmp_path], {})] == ["a.SCP"]


def test_every_length_of_code_is_read() -> None:
    values = np.array([0, 1, -1, 7, -7, 8, -8, 9, -9, 127, -128, 128, -129, 32767, -32768, 0, 0, 5])
    found = read_scp_record(scp(("II",), order=0, counts=np.tile(values, (12, 1)), nanovolts=2500))
    assert found.mv[0] == pytest.approx(values * 0.0025) and found.leads == ("II",)


def test_limb_leads_that_lack_follow_and_leads_may_begin_later() -> None:
    found = read_scp_record(scp(("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"), first=101))
    assert set(found.leads) == set(LEADS) and np.isnan(found.mv[:, :100]).all()
    off = found.mv[found.leads.index("aVL"), 100:] - UV[LEADS.index("aVL")] / 1000
    assert np.abs(off).max() < 0.0021  # the written leads are rounded to 1 µV


REFUSED = {
    "own tables": (scp(tables=2), "2 Huffman tables of its own"),
    "bimodal": (scp(bimodal=1), "packed bimodally"),
    "reference beats": (scp(flags=5), "reference beats subtracted"),
    "cut": (scp()[:-100], "it is said to have"),
    "a flipped bit": (scp()[:5000] + bytes([scp()[5000] ^ 4]) + scp()[5001:], "its checksum is another"),
    "no lead": (record({3: section(3, b"\0\0"), 6: section(6, struct.pack("<HHBB", 1000, 2000, 0, 0))}),
                "none of the twelve leads"),
    "no rhythm": (record({3: section(3, b"\0\0")}), "no rhythm data"),
    "no microvolts": (scp(nanovolts=0), "0 nV a count"),
    "a picture": (b"\x89PNG" + bytes(range(100)), "does not begin with section 0"),
    "nothing": (b"", "too short"),
    "a section within a section": (record({3: section(3, b"\x05\x04"), 6: section(6, b"\0" * 8)}), "shorter than"),
    "more samples than bits": (record({
        2: section(2, struct.pack("<H", 19999)), 3: section(3, struct.pack("<BBIIB", 1, 4, 1, 3_000_000, 2)),
        6: section(6, struct.pack("<HHBBH", 1000, 2000, 2, 0, 2) + b"\0\0")}), "2 bytes for 3,000,000 samples"),
    "a lead of years": (record({3: section(3, struct.pack("<BBIIB", 1, 4, 1, 2 ** 32 - 1, 2)),
                                6: section(6, struct.pack("<HHBBH", 1000, 2000, 0, 0, 2) + b"\0\0")}), "runs from"),
    "a lead outside": (record({3: section(3, struct.pack("<BBIIB", 1, 4, 1, 9, 2)),
                               6: section(6, struct.pack("<HHBBH", 1000, 2000, 0, 0, 60000) + b"\0\0")}),
                       "ends behind its section"),
    "a code cut off": (record({
        2: section(2, struct.pack("<H", 19999)), 3: section(3, struct.pack("<BBIIB", 1, 4, 1, 9, 2)),
        6: section(6, struct.pack("<HHBBH", 1000, 2000, 0, 0, 2) + b"\xff\xff")}), "ends after 0 of 9 samples")}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_said(name: str) -> None:
    content, words = REFUSED[name]
    with pytest.raises(RecordError, match=words):
        read_scp_record(content)


def test_no_damage_is_more_than_one_line() -> None:
    rng, whole = np.random.default_rng(0), scp(("I", "II"))
    for _ in range(300):
        content = bytearray(whole)
        for at in rng.integers(0, 400, 3):
            content[at] = rng.integers(0, 256)
        # With right checksums, as somebody means harm.
        content = content[:2] + struct.pack("<I", len(content)) + content[6:]
        content = bytearray(struct.pack("<H", binascii.crc_hqx(bytes(content[2:]), 0xFFFF))) + content[2:]
        try:
            read_scp_record(bytes(content))
        except RecordError as error:
            assert "\n" not in str(error)
