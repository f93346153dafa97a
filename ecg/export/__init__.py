"""Signals of a run in the formats of other programs."""

# Formats that `--to` takes; `<stem>.csv` is written by every run.
FORMATS = ("wfdb", "edf", "csv", "npz", "fhir", "dicom")
