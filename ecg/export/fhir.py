"""A record as a FHIR R4 Observation: a component of SampledData a lead (https://hl7.org/fhir/R4/observation.html)."""
import json
from typing import Any

import numpy as np

from ecg.lead_table import LEADS
from featurize.arrays import Float64Array

# Codes of ISO/IEEE 11073-10101: MDC_ECG_ELEC_POTL, and of each lead beyond it.
_MDC = "urn:iso:std:iso:11073:10101"
_POTENTIAL = 131328
_OF_LEAD = {"I": 1, "II": 2, "V1": 3, "V2": 4, "V3": 5, "V4": 6, "V5": 7, "V6": 8, "III": 61, "aVR": 62, "aVL": 63,
            "aVF": 64}
# One unit of the data, mV.
_FACTOR_MV = 1e-4
_MS_PER_S = 1000


def observation(mv: Float64Array, leads: tuple[str, ...], fs_hz: float, name: str) -> str:
    """Text of the JSON; samples that are not known are "E", as the specification of SampledData has it.

    Parameters
    ----------
    mv : (leads, n) float64
    leads : tuple of str
    fs_hz : float
    name : str
        Identifier of the record: its path in the run.
    """
    content: dict[str, Any] = {
        "resourceType": "Observation", "status": "preliminary",
        "identifier": [{"system": "urn:pellucid:path", "value": name}],
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
                                  "code": "procedure", "display": "Procedure"}]}],
        "code": {"coding": [{"system": _MDC, "code": str(_POTENTIAL), "display": "MDC_ECG_ELEC_POTL"}]},
        "component": [_component(row, lead, fs_hz) for lead, row in zip(leads, mv)]}
    return json.dumps(content, indent=1) + "\n"


def _component(row: Float64Array, lead: str, fs_hz: float) -> dict[str, Any]:
    data = " ".join("E" if value != value else str(round(value / _FACTOR_MV)) for value in row.tolist())
    code = {"system": _MDC, "code": str(_POTENTIAL + _OF_LEAD[lead]), "display": f"MDC_ECG_ELEC_POTL_{lead.upper()}"}
    return {"code": {"coding": [code]},
            "valueSampledData": {"origin": {"value": 0, "unit": "mV", "system": "http://unitsofmeasure.org",
                                            "code": "mV"},
                                 "period": _MS_PER_S / fs_hz, "factor": _FACTOR_MV, "dimensions": 1, "data": data}}


def signals_of(text: str) -> dict[str, Float64Array]:
    """mV by lead of an Observation that `observation` wrote: how another program reads it."""
    leads = {str(_POTENTIAL + number): lead for lead, number in _OF_LEAD.items()}
    found = {}
    for component in json.loads(text)["component"]:
        sampled = component["valueSampledData"]
        values = [np.nan if token == "E" else float(token) for token in sampled["data"].split()]
        found[leads[component["code"]["coding"][0]["code"]]] = sampled["factor"] * np.array(values)
    return {lead: found[lead] for lead in LEADS if lead in found}
