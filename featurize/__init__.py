"""Images to named, physical measurements: index, read, normalize, segment, measure, table."""
from featurize.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, {
    "ImageFeatures": "featurize.estimator",
    "measure_image": "featurize.in_memory",
    "measure_images": "featurize.in_memory",
    "segment_image": "featurize.in_memory",
    "read_image": "featurize.images.read",
    "ImageError": "featurize.images.read",
    "build_index": "featurize.index.build",
    "load_preset": "featurize.presets.load",
    "featurize": "featurize.run",
    "measure_index": "featurize.run",
    "read_table": "featurize.table",
    "write_table": "featurize.table",
    "UserError": "featurize.errors",
    "object_shapes": "featurize.descriptors.shape",
    "local_binary_pattern": "featurize.descriptors.texture",
    "hog": "featurize.descriptors.texture",
    "gabor_energies": "featurize.descriptors.texture",
    "zernike_moments": "featurize.descriptors.zernike",
    "measure_radiomics": "featurize.radiomics.engine:measure",
    "RadiomicsSettings": "featurize.radiomics.settings",
})
