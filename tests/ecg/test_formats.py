"""Records of other formats in, and signals out for other programs: what is written is read again."""
import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_heart import LEADS, heart

from ecg.export.fhir import signals_of
from ecg.export.write import record_name
from ecg.job import DigitizeSettings, PageJob, is_record
from ecg.run import digitize_pages
from ecg.signals.records import RecordError, holds_record, read_record
from ecg.sources import find_pages
from featurize.errors import UserError

UV = np.round(1000 * heart(np.arange(0.5, 9.9, 0.9), noise_mv=0.0)).astype(np.int16)
MDC = {"aVR": "AVR", "aVL": "AVL", "aVF": "AVF"}


def aecg() -> bytes:
    rows = "".join(
        f'<component><sequence><code code="MDC_ECG_LEAD_{MDC.get(lead, lead)}"/><value xsi:type="SLIST_PQ">'
        f'<origin value="0" unit="uV"/><scale value="0.5" unit="uV"/><digits>{" ".join(map(str, 2 * row))}</digits>'
        "</value></sequence></component>" for lead, row in zip(LEADS, UV.astype(int)))
    time = ('<component><sequence><code code="TIME_ABSOLUTE"/><value xsi:type="GLIST_TS"><head value="2020"/>'
            '<increment value="2" unit="ms"/></value></sequence></component>')
    return ('<?xml version="1.0"?><AnnotatedECG xmlns="urn:hl7-org:v3" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><component><series><component><sequenceSet>'
            f"{time}{rows}</sequenceSet></component></series></component></AnnotatedECG>").encode()


def muse() -> bytes:
    leads = "".join(
        f"<LeadData><LeadID>{lead}</LeadID><LeadAmplitudeUnitsPerBit>4.88</LeadAmplitudeUnitsPerBit>"
        "<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits><WaveFormData>"
        f"{base64.b64encode(np.round(row / 4.88).astype('<i2').tobytes()).decode()}</WaveFormData></LeadData>"
        for lead, row in zip(LEADS, UV) if lead in ("I", "II") or lead.startswith("V"))
    return ('<?xml version="1.0" encoding="ISO-8859-1"?><!DOCTYPE RestingECG SYSTEM "restecg.dtd"><RestingECG>'
            "<Waveform><WaveformType>Median</WaveformType></Waveform><Waveform><WaveformType>Rhythm</WaveformType>"
            f"<SampleBase>500</SampleBase><SampleExponent>0</SampleExponent>{leads}</Waveform></RestingECG>").encode()


@pytest.mark.parametrize(("content", "tolerance_mv"), [(aecg, 1e-9), (muse, 0.008)], ids=["aECG", "MUSE"])
def test_leads_of_xml_are_read(content: Callable[[], bytes], tolerance_mv: float, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(content())
    found = read_record(tmp_path / "a.xml", 100)
    assert found.fs_hz == 500 and set(found.leads) == set(LEADS)
    for lead, row in zip(found.leads, found.mv):
        assert np.abs(row - UV[LEADS.index(lead)] / 1000).max() < tolerance_mv


def philips(compression: str = "XLI") -> bytes:
    """5 µV a count; as machines write it: limb leads as residuals, second differences, LZW with codes of 10 bits."""
    counts = {lead: np.round(row / 5).astype(int) for lead, row in zip(LEADS, UV)}
    i, ii, iii = counts["I"], counts["II"], counts["III"]
    stored = {**counts, "III": ii - i - iii, "aVR": -counts["aVR"] - (i + ii) // 2,
              "aVL": (i - iii) // 2 - counts["aVL"], "aVF": (ii + iii) // 2 - counts["aVF"]}
    data = b"".join(map(xli, stored.values()))
    return ('<?xml version="1.0" encoding="UTF-16"?><restingecgdata xmlns="http://www3.medical.philips.com">'
            "<documentinfo><documenttype>PhilipsECG</documenttype><documentversion>1.04</documentversion>"
            "</documentinfo>"
            "<dataacquisition><signalcharacteristics><samplingrate>500</samplingrate><resolution>5</resolution>"
            "<acquisitiontype>STD-12</acquisitiontype></signalcharacteristics></dataacquisition><waveforms>"
            f'<parsedwaveforms dataencoding="Base64" compression="{compression}" numberofleads="12" leadlabels="'
            f'{" ".join(LEADS)}" durationperchannel="{2 * UV.shape[1]}">{base64.b64encode(data).decode()}'
            "</parsedwaveforms></waveforms></restingecgdata>").encode("utf-16")


def xli(row: np.ndarray) -> bytes:
    """One lead; LZW without repeated strings: every byte is a code."""
    second = row[2:] - 2 * row[1:-1] + row[:-2]
    words = np.concatenate([row[:2], 64 - second[1:], [0]]).astype("<i2").view(np.uint16)
    codes = "".join(f"{code:010b}" for code in np.concatenate([words >> 8, words & 255]).tolist())
    packed = int(codes, 2).to_bytes(len(codes) // 8, "big")
    return len(packed).to_bytes(4, "little") + b"\0\0" + int(-second[0]).to_bytes(2, "little", signed=True) + packed


def test_philips_leads_are_read(tmp_path: Path) -> None:
    pytest.importorskip("sierraecg")
    (tmp_path / "a.xml").write_bytes(philips())
    assert holds_record(tmp_path / "a.xml")
    found = read_record(tmp_path / "a.xml", 100)
    assert found.fs_hz == 500 and found.leads == LEADS
    assert found.mv == pytest.approx(np.round(UV / 5) * 0.005, abs=1e-9)


def test_philips_without_compression_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(philips("Uncompressed"))
    with pytest.raises(RecordError, match="waveforms of the form Uncompressed, XLI was wanted"):
        read_record(tmp_path / "a.xml", 100)


@pytest.mark.parametrize(("content", "words"), [
    (b"<AnnotatedECG><a></AnnotatedECG>", "cannot be read"), (b"<AnnotatedECG/>", "no lead with times"),
    (b"<RestingECG/>", "no waveform of type Rhythm"),
    (muse().replace(b"<LeadID>V2<", b"<LeadID>V1<"), "the lead V1 stands there twice"),
    (b"<annotation/>", "an XML of annotation came"),
    (b'<!DOCTYPE a [<!ENTITY b "c">]><AnnotatedECG/>', "defines entities"), (aecg()[:5000], "cannot be read")])
def test_other_xml_is_refused_with_a_reason(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(content)
    with pytest.raises(RecordError, match=words):
        read_record(tmp_path / "a.xml", 500)


def test_a_folder_gives_only_xml_that_is_an_ecg(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(aecg())
    (tmp_path / "boxes.xml").write_text("<annotation/>")
    assert [job.path for job in find_pages([tmp_path], {})] == ["a.xml"]
    assert not holds_record(tmp_path / "boxes.xml")


def dicom(path: Path, first_class: str) -> None:
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import Dataset, FileMetaDataset
    meta, content = FileMetaDataset(), Dataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = first_class, pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    group = Dataset()
    group.WaveformOriginality, group.NumberOfWaveformChannels = "ORIGINAL", 12
    group.NumberOfWaveformSamples, group.SamplingFrequency = UV.shape[1], 500
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.ChannelDefinitionSequence = []
    for lead in LEADS:
        channel, source, unit = Dataset(), Dataset(), Dataset()
        source.CodeValue, source.CodingSchemeDesignator, source.CodeMeaning = "x", "local", f"Lead {lead}"
        unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "uV", "UCUM", "microvolt"
        channel.ChannelSourceSequence, channel.ChannelSensitivityUnitsSequence = [source], [unit]
        channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor = 1, 1
        channel.ChannelBaseline, channel.WaveformBitsStored = 0, 16
        group.ChannelDefinitionSequence.append(channel)
    group.WaveformData = UV.T.astype("<i2").tobytes()
    content.file_meta, content.WaveformSequence = meta, [group]
    content.SOPClassUID, content.SOPInstanceUID = first_class, "1.2.3"
    content.save_as(path, enforce_file_format=True)


def test_dicom_signals_are_a_record_and_dicom_pictures_are_pages(tmp_path: Path) -> None:
    dicom(tmp_path / "a.dcm", "1.2.840.10008.5.1.4.1.1.9.1.1")
    dicom(tmp_path / "b.dcm", "1.2.840.10008.5.1.4.1.1.7")
    assert [is_record(PageJob(tmp_path / name, name, "x")) for name in ("a.dcm", "b.dcm")] == [True, False]
    found = read_record(tmp_path / "a.dcm", 100)
    assert found.leads == LEADS and found.fs_hz == 500 and np.abs(found.mv - UV / 1000).max() < 1e-9


def run_to(tmp_path: Path, to: list[str]) -> Path:
    signals = UV / 1000.0
    signals[6, :1000] = np.nan
    pd.DataFrame(signals.T, columns=list(LEADS)).drop(columns="V6").to_csv(tmp_path / "my record.csv", index=False)
    digitize_pages([tmp_path / "my record.csv"], tmp_path / "out", DigitizeSettings(), jobs=1, to=to)
    return tmp_path / "out"


def test_npz_and_fhir_hold_the_signals(tmp_path: Path) -> None:
    out = run_to(tmp_path, ["npz", "fhir", "csv"])
    known = pd.read_csv(out / "my record.csv").dropna(axis=1, how="all")
    with np.load(out / "to_npz/my record.npz") as held:
        assert tuple(held["leads"]) == LEADS[:11] and held["fs_hz"] == 500
        assert np.array_equal(held["mv"], known.to_numpy().T, equal_nan=True)
    fhir = signals_of((out / "to_fhir/my record.fhir.json").read_text())
    assert list(fhir) == list(LEADS[:11]) and np.isnan(fhir["V1"][:1000]).all()
    assert np.allclose(np.array(list(fhir.values())), known.to_numpy().T, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize(("name", "library", "file", "tolerance_mv"), [
    ("wfdb", "wfdb", record_name("my record") + ".hea", 1e-9), ("edf", "edfio", "my record.edf", 1e-4),
    ("dicom", "pydicom", "my record.dcm", 1e-9)])
def test_what_is_written_for_others_is_read_again(name: str, library: str, file: str, tolerance_mv: float,
                                                  tmp_path: Path) -> None:
    pytest.importorskip(library)
    out = run_to(tmp_path, [name])
    found = read_record(out / f"to_{name}" / file, 100)
    known = pd.read_csv(out / "my record.csv")[list(found.leads)].to_numpy().T
    assert found.fs_hz == 500 and found.leads == LEADS[:11]
    assert np.nanmax(np.abs(found.mv - known)) <= tolerance_mv
    if name != "edf":
        assert np.array_equal(np.isnan(found.mv), np.isnan(known))


def test_dicom_keeps_large_values_to_its_step_and_what_is_missing(tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    from ecg.export.dicom import dicom_ecg
    mv = UV[:2] / 1000.0
    mv[1] *= 7 / np.abs(mv[1]).max()
    mv[1, :700] = np.nan
    (tmp_path / "a.dcm").write_bytes(dicom_ecg(mv, ("I", "aVR"), 500, "ä/a.png"))
    found, file = read_record(tmp_path / "a.dcm", 100), pydicom.dcmread(tmp_path / "a.dcm")
    # 7 mV in 16 bits: steps of 0.5 µV, so that a sample is off by half of that at most.
    assert np.nanmax(np.abs(found.mv - mv), axis=1) == pytest.approx([0, 2.5e-4], abs=1e-5)
    assert np.array_equal(np.isnan(found.mv), np.isnan(mv)) and found.leads == ("I", "aVR")
    assert file.SOPClassUID.name == "12-lead ECG Waveform Storage"
    long = pydicom.dcmread(io.BytesIO(dicom_ecg(np.zeros((1, 20_000)), ("II",), 500, "b")))
    assert long.SOPClassUID.name == "General ECG Waveform Storage"


def test_unknown_formats_and_folders_of_a_user_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--to pdf was given, one or several of wfdb,edf,csv,npz,fhir,dicom "):
        run_to(tmp_path, ["pdf"])
    (tmp_path / "out/to_npz").mkdir(parents=True)
    (tmp_path / "out/to_npz/mine.npz").write_text("mine")
    with pytest.raises(UserError, match="holds files that `ecg` did not write"):
        run_to(tmp_path, ["npz"])
    assert (tmp_path / "out/to_npz/mine.npz").read_text() == "mine"
