"""The twelve leads, and the limb leads' place in the frontal plane."""

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

# Limb leads by I and II: their factors.
LIMB = {"I": (1.0, 0.0), "II": (0.0, 1.0), "III": (-1.0, 1.0), "aVR": (-0.5, -0.5), "-aVR": (0.5, 0.5),
        "aVL": (1.0, -0.5), "aVF": (-0.5, 1.0)}
