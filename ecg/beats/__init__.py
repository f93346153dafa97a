"""P, QRS and T waves of signals."""

# What finds beats and waves: `ecg.beats.delineate`, or `ecg.beats.neurokit`.
DELINEATORS = ("pellucid", "neurokit2")
