"""The files that a manifest names, each by the check of its format."""
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.stored.faults import StoredFault, wanted
from classify.stored.lightgbm_file import check_lightgbm
from classify.stored.weights import check_weights
from classify.stored.xgboost_file import check_xgboost

# All arrays of a model, unpacked, bytes: 100,000 training images with 1,000 trees and fingerprints are a quarter of it.
_MOST_ARRAY_BYTES = 2 ** 30
# What numpy and zipfile raise on an npz file that is none.
_NPZ_FAULTS = (ValueError, KeyError, EOFError, OSError, NotImplementedError, RuntimeError, zipfile.BadZipFile,
               zlib.error, SyntaxError, TypeError, OverflowError, UnicodeError)


def check_parts(data: Mapping[str, bytes], names: Sequence[tuple[str, str]], manifest: Mapping[str, Any],
                outputs: int) -> None:
    """Trees or weights, and the linear log-odds that trees start from.

    Parameters
    ----------
    data : mapping of a file's name to its bytes
    names : sequence of (str, str)
        File of the trees and file of the start of each part; the second may be absent.
    manifest : mapping
        Checked before.
    outputs : int
        Columns of the margin of each part.

    Raises
    ------
    StoredFault
        Begins with the name of the file.
    """
    features = manifest["features"]
    checks = {"xgboost": lambda part: check_xgboost(part, features, outputs),
              "lightgbm": lambda part: check_lightgbm(part, features, outputs),
              "logistic": lambda part: check_weights(part, len(features), outputs)}
    for trees, start in names:
        try:
            name = trees
            checks[manifest["library"]](data[trees])
            name = start
            if start in data:
                check_weights(data[start], len(features), outputs)
        except StoredFault as fault:
            raise StoredFault(f"{name}: {fault}") from None


def read_arrays(data: Mapping[str, bytes], name: str) -> dict[str, NDArray[Any]]:
    """The arrays of an npz file, within bounds and without pickle; raises `StoredFault`."""
    try:
        with zipfile.ZipFile(BytesIO(data[name])) as archive:
            members = archive.infolist()
            wanted(sum(member.file_size for member in members) <= _MOST_ARRAY_BYTES, f"{name} unpacks to more than a "
                   "gigabyte")
            wanted(len({member.filename for member in members}) == len(members), f"{name} holds an array twice")
            return {member.filename.removesuffix(".npy"): _array(archive.read(member)) for member in members}
    except StoredFault:
        raise
    except _NPZ_FAULTS as error:
        raise StoredFault(f"{name}: {type(error).__name__}: {error}".splitlines()[0]) from None


def _array(content: bytes) -> NDArray[Any]:
    """An npy file; its header may not promise more than there is, for numpy would take the memory first."""
    stream = BytesIO(content)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    version = np.lib.format.read_magic(stream)
    wanted(version in readers, "an array has an unknown version")
    shape, _, kind = readers[version](stream)
    wanted(not kind.hasobject and all(type(n) is int and n >= 0 for n in shape), "an array has an impossible header")
    size = kind.itemsize
    for n in shape:
        size *= n
    wanted(size == len(content) - stream.tell(), "an array is not as long as its header says")
    stream.seek(0)
    return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
