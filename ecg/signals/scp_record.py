"""SCP-ECG records (EN 1064, ISO 11073-91064): leads (section 3) and rhythm data (section 6).

The standard itself is not free. What stands here was taken from public programs that read or write it and agree with
each other: PixelMed (com.pixelmed.scpecg), ecg-contec, BioSig. BioSig 2.5 reads the records that tests/ecg/test_scp.py
writes to the same numbers. Files of devices were not at hand.

Read are samples of 16 bits and those packed by the default Huffman table, as they are or as first or second
differences. Bimodal packing, subtracted reference beats and Huffman tables of a file's own are refused by name.
"""
import binascii
import struct

import numpy as np

from ecg.signals.raw_record import RawRecord, RecordError, with_derived_leads
from featurize.arrays import Float64Array, Int64Array

# Bytes in front of the first section: checksum of all that follows it, and length of the record.
_RECORD_HEADER = struct.Struct("<HI")
# Header of a section: checksum of all that follows it, number, length with this header, versions, reserved.
_SECTION_HEADER = struct.Struct("<HHIBB6x")
# An entry of section 0: number of a section, its length, its place counted from 1.
_POINTER = struct.Struct("<HII")
# Of a lead in section 3: first and last sample, counted from 1, and number of the lead.
_LEAD = struct.Struct("<IIB")
# Head of section 6: nanovolts a count, microseconds a sample, differences, bimodal.
_RHYTHM = struct.Struct("<HHBB")
# Checksums begin with this (CRC-CCITT).
_CRC_START = 0xFFFF
# Sections that are read.
_HUFFMAN_SECTION = 2
_LEADS_SECTION = 3
_RHYTHM_SECTION = 6
# What stands for the default table in place of a number of tables.
_DEFAULT_TABLE = 19999
# Flag of section 3: reference beats were subtracted.
_BEATS_SUBTRACTED = 1
# Numbers of the twelve leads, and of -aVR.
_LEAD_OF_NUMBER = {1: "I", 2: "II", 3: "V1", 4: "V2", 5: "V3", 6: "V4", 7: "V5", 8: "V6", 61: "III", 62: "aVR",
                   63: "aVL", 64: "aVF"}
_MINUS_AVR = 65
# Longest lead, samples: an hour at 1000 Hz, as of other records.
_MOST_SAMPLES = 3_600_000
# In the default table a number up to 8 is so many ones, a zero, and a sign; nine ones and a zero stand before a number
# of 8 bits, ten ones before one of 16 bits.
_MOST_ONES = 9
_BYTE_BITS = 8
_WORD_BITS = 16


def read_scp_record(content: bytes) -> RawRecord:
    """The leads of an SCP-ECG file, with those limb leads that follow from I and II.

    Parameters
    ----------
    content : bytes

    Raises
    ------
    RecordError
        No SCP-ECG, a wrong checksum, a length that lies, no lead, or packed in a way that is not read.
    """
    sections = _sections(content)
    for number, name in ((_LEADS_SECTION, "leads (section 3)"), (_RHYTHM_SECTION, "rhythm data (section 6)")):
        if number not in sections:
            raise RecordError(f"the SCP-ECG file has no {name}: both were wanted", "no_lead")
    packed = _is_packed(sections.get(_HUFFMAN_SECTION, b""))
    try:
        return _rhythm(sections[_RHYTHM_SECTION], _leads(sections[_LEADS_SECTION]), packed)
    except struct.error as error:
        raise _damaged("a section is shorter than what stands in it") from error


def _damaged(what: str) -> RecordError:
    return RecordError(f"the SCP-ECG file is damaged: {what}", "damaged")


def _sections(content: bytes) -> dict[int, bytes]:
    """What stands in each section that is read, behind its header."""
    if len(content) < _RECORD_HEADER.size + _SECTION_HEADER.size:
        raise RecordError("too short for an SCP-ECG file", "not_a_record")
    crc, length = _RECORD_HEADER.unpack_from(content)
    if content[_RECORD_HEADER.size + 2:_RECORD_HEADER.size + 4] != b"\0\0":
        raise RecordError("no SCP-ECG file: it does not begin with section 0", "not_a_record")
    if not _RECORD_HEADER.size < length <= len(content):
        raise _damaged(f"it is said to have {length:,} bytes, it has {len(content):,}")
    record = content[:length]
    if binascii.crc_hqx(record[2:], _CRC_START) != crc:
        raise _damaged("its checksum is another")
    pointers = _section(record, _RECORD_HEADER.size, 0)
    out: dict[int, bytes] = {}
    for at in range(0, len(pointers) - _POINTER.size + 1, _POINTER.size):
        number, size, place = _POINTER.unpack_from(pointers, at)
        if number in (_HUFFMAN_SECTION, _LEADS_SECTION, _RHYTHM_SECTION) and size:
            out[number] = _section(record, place - 1, number)
    return out


def _section(record: bytes, at: int, number: int) -> bytes:
    """What stands in the section that begins at a byte."""
    if not 0 <= at <= len(record) - _SECTION_HEADER.size:
        raise _damaged(f"section {number} lies outside")
    crc, own, length, *_ = _SECTION_HEADER.unpack_from(record, at)
    if own != number or not _SECTION_HEADER.size <= length <= len(record) - at:
        raise _damaged(f"where section {number} is said to be is none of its length")
    if binascii.crc_hqx(record[at + 2:at + length], _CRC_START) != crc:
        raise _damaged(f"the checksum of section {number} is another")
    return record[at + _SECTION_HEADER.size:at + length]


def _is_packed(section: bytes) -> bool:
    """Whether samples are packed by the default Huffman table; without section 2 they are not packed."""
    if not section:
        return False
    tables, = struct.unpack_from("<H", section)
    if tables != _DEFAULT_TABLE:
        raise RecordError(f"the SCP-ECG file has {tables} Huffman tables of its own, the default table was wanted: "
                          "convert it to another format", "unsupported")
    return True


def _leads(section: bytes) -> list[tuple[int, int, int]]:
    """First sample, from 0, number of samples, and number of each lead."""
    count, flags = struct.unpack_from("<BB", section)
    if flags & _BEATS_SUBTRACTED:
        raise RecordError("the SCP-ECG file has reference beats subtracted: convert it to another format",
                          "unsupported")
    out = []
    for k in range(count):
        first, last, number = _LEAD.unpack_from(section, 2 + k * _LEAD.size)
        if not 1 <= first <= last <= _MOST_SAMPLES:
            raise _damaged(f"lead {k + 1} runs from sample {first:,} to {last:,}")
        out.append((first - 1, last - first + 1, number))
    return out


def _rhythm(section: bytes, leads: list[tuple[int, int, int]], packed: bool) -> RawRecord:
    nanovolts, microseconds, differences, bimodal = _RHYTHM.unpack_from(section)
    if bimodal:
        raise RecordError("the SCP-ECG file is packed bimodally (fewer samples between the beats): convert it to "
                          "another format", "unsupported")
    if differences > 2 or not nanovolts or not microseconds:
        raise _damaged(f"{nanovolts} nV a count, {microseconds} us a sample, differences of order {differences}")
    lengths = struct.unpack_from(f"<{len(leads)}H", section, _RHYTHM.size)
    at = _RHYTHM.size + 2 * len(leads)
    whole = max((first + count for first, count, _ in leads), default=0)
    rows: dict[str, Float64Array] = {}
    for (first, count, number), length in zip(leads, lengths):
        data, at = section[at:at + length], at + length
        lead = "aVR" if number == _MINUS_AVR else _LEAD_OF_NUMBER.get(number)
        if lead is None:
            continue
        if len(data) < length:
            raise _damaged(f"lead {lead} ends behind its section")
        if lead in rows:
            raise RecordError(f"the lead {lead} stands there twice: one was wanted", "no_lead")
        counts = _summed(_unpacked(data, count, lead) if packed else _plain(data, count, lead), differences)
        sign = -1.0 if number == _MINUS_AVR else 1.0
        rows[lead] = np.full(whole, np.nan)
        rows[lead][first:first + count] = sign * counts * nanovolts * 1e-6
    if not rows:
        raise RecordError("none of the twelve leads is in the SCP-ECG file", "no_lead")
    rows = with_derived_leads(rows)
    return RawRecord(np.array(list(rows.values())), tuple(rows), 1e6 / microseconds)


def _plain(data: bytes, count: int, lead: str) -> Int64Array:
    if len(data) < 2 * count:
        raise _damaged(f"lead {lead} has {len(data):,} bytes for {count:,} samples")
    return np.frombuffer(data, "<i2", count).astype(np.int64)


def _unpacked(data: bytes, count: int, lead: str) -> Int64Array:
    """Numbers packed by the default table."""
    if count > _BYTE_BITS * len(data):
        raise _damaged(f"lead {lead} has {len(data):,} bytes for {count:,} samples")
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    # How many ones stand from each bit on.
    zeros = np.flatnonzero(np.r_[bits, 0] == 0)
    ones = (zeros[np.searchsorted(zeros, np.arange(len(bits)))] - np.arange(len(bits))).tolist()
    text, at, end = bits.tobytes(), 0, len(bits)
    out = np.zeros(count, np.int64)
    for k in range(count):
        number = min(ones[at], _MOST_ONES) if at < end else end
        code = 1 if not number else number + 2 if number < _MOST_ONES else _MOST_ONES + 1
        if at + code > end:
            raise _damaged(f"lead {lead} ends after {k:,} of {count:,} samples")
        sign = text[at + code - 1]
        at += code
        if number == _MOST_ONES:
            size = _WORD_BITS if sign else _BYTE_BITS
            if at + size > end:
                raise _damaged(f"lead {lead} ends after {k:,} of {count:,} samples")
            value = int.from_bytes(np.packbits(bits[at:at + size]).tobytes(), "big", signed=True)
            at += size
        else:
            value = -number if sign and number else number
        out[k] = value
    return out


def _summed(values: Int64Array, order: int) -> Int64Array:
    """Samples from their differences: as many as the order are kept as they are at the beginning."""
    if order == 0:
        return values
    if order == 1:
        return np.cumsum(values)
    first = values.copy()
    if len(values) > 1:
        first[1] = values[1] - values[0]
    first[1:] = np.cumsum(first[1:])
    return np.cumsum(first)
