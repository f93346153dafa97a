"""Tables of measurements to calibrated, explained predictions."""
from featurize.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, {
    "CalibratedTrees": "classify.estimator",
    "TrainSettings": "classify.settings",
    "Watch": "classify.runtime.watch",
    "train_table": "classify.train:train",
    "train_file": "classify.findings.train:train_table",
    "train_findings": "classify.findings.train",
    "load_bundle": "classify.bundle",
    "predict_table": "classify.predict:predict",
    "predict_file": "classify.predict",
    "read_run": "classify.run_folder",
    "audit_table": "classify.audit.run:audit",
    "export_model": "classify.export.run:export",
    "similar_images": "classify.similar.run:similar",
})
