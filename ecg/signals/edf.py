"""EDF and EDF+ records (Kemp & Olivan 2003, 10.1016/S1388-2457(03)00123-8), by edfio (extra edf)."""
import io

import numpy as np

from ecg.signals.raw_record import RawRecord, RecordError, lead_of, mv_of_unit
from featurize.images.picture import quiet


def read_edf_record(content: bytes) -> RawRecord:
    """The leads of an EDF file.

    Raises
    ------
    RecordError
        No lead, leads of different rates, damaged, or the extra edf is not installed.
    """
    try:
        import edfio
    except ImportError as error:
        raise RecordError("an EDF record, and edfio is not installed: pip install 'pellucid[edf]'",
                          "unsupported") from error
    try:
        with quiet("edfio"):
            found = edfio.read_edf(io.BytesIO(content))
            kept = [(lead, signal) for signal in found.signals if (lead := lead_of(signal.label))]
            rows = [np.asarray(signal.data, np.float64) * mv_of_unit(signal.physical_dimension) for _, signal in kept]
    except (ValueError, KeyError, IndexError, EOFError, ZeroDivisionError) as error:
        raise RecordError(f"not a whole EDF record ({str(error)[:80]})", "damaged") from error
    if not kept:
        raise RecordError("no signal of the EDF record is called like a lead", "no_lead")
    rates = {float(signal.sampling_frequency) for _, signal in kept}
    if len(rates) > 1:
        raise RecordError("the leads of the EDF record have different rates: one for all was wanted", "rate")
    return RawRecord(np.array(rows), tuple(lead for lead, _ in kept), rates.pop())
