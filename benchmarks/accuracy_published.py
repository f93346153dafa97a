"""Figures that others published for the sets of benchmarks/accuracy.py.

Mark S: read in the named source. R: recalled from the paper and not verified here. M: measured with this project's
machines before. A figure of another split or of other images says so; it stands beside ours for its order of size.
"""
from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One method on one set; None where the source has no such figure."""

    image_set: str
    method: str
    mark: str
    source: str
    accuracy: float | None = None
    auroc: float | None = None
    macro_f1: float | None = None


_MEDMNIST = "MedMNIST v2, 10.1038/s41597-022-01721-8"
_PLUS = "sdoerrich97/rethinking-model-prototyping-MedMNISTPlus"
# blood_28 and pneumonia_28 follow MedMNIST's recipe and its counts; blood_28 has a split of its own.
PUBLISHED = (
    Published("blood_28", "network: ResNet-18, 28 px", "R", _MEDMNIST, .958, .998),
    Published("blood_28", "network: ResNet-18, 224 px", "R", _MEDMNIST, .963, .998),
    Published("blood_28", "AutoML: auto-sklearn", "R", _MEDMNIST, .878, .984),
    Published("blood_28", "AutoML: AutoKeras", "R", _MEDMNIST, .961, .998),
    Published("blood_28", "AutoML: Google AutoML Vision", "R", _MEDMNIST, .966, .998),
    Published("blood_28", "network: ResNet-18, pretrained, images of 64 px", "S", _PLUS, .971),
    Published("blood_28", "network: ResNet-18, pretrained, images of 224 px", "S", _PLUS, .989),
    Published("blood_28", "network: DenseNet-121, pretrained, images of 224 px", "S", _PLUS, .990),
    Published("blood_28", "classical: 152 color and shape features, LightGBM", "M", "measured before", .963),
    Published("blood_28", "classical: patch dictionary, logistic regression", "M", "measured before", .954),
    Published("pneumonia_28", "network: ResNet-18, 28 px", "R", _MEDMNIST, .854, .944),
    Published("pneumonia_28", "AutoML: best of MedMNIST v2", "R", _MEDMNIST, .946, .991),
    Published("pneumonia_28", "classical: HOG, LBP, GLCM, LightGBM", "M", "measured before", .853, .968),
    Published("leukemia_cnmc", "network: EfficientNet-B1, all of C-NMC, by subject", "S", "arXiv 2606.24944",
              auroc=.913),
    # Which score the .752 is, and its address, the project's list of figures does not say: it stands in the name alone.
    Published("leukemia_cnmc", "classical: 38 features, SVM: .752 of an unnamed score", "S", "no address at hand"))


def published(name: str) -> list[Published]:
    """Of one set; MedMNIST's own files share the figures of our copies."""
    same = {"bloodmnist": "blood_28", "pneumoniamnist": "pneumonia_28", "cnmc": "leukemia_cnmc"}
    return [figure for figure in PUBLISHED if figure.image_set == same.get(name, name)]
