"""ECG pages to waveforms, beats and rhythm."""
from featurize.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, {
    "LEADS": "ecg.lead_table",
    "digitize_page": "ecg.digitize:digitize",
    "digitize_pages": "ecg.run",
    "DigitizeSettings": "ecg.job",
    "read_record": "ecg.signals.records",
    "to_frame": "ecg.dataframe",
    "find_beats": "ecg.beats.delineate",
    "rhythm_row": "ecg.rhythm.features",
    "write_rhythm": "ecg.rhythm.table",
})
