"""A Parquet table as a DataFrame whose measurements lie in one array, read group by group without a second copy."""
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

# More columns than these beside the measurements would each be a block of their own, of which pandas wants at most 100.
_MOST_BESIDE = 90


def read_columns(file: pq.ParquetFile, measurements: list[str]) -> pd.DataFrame:
    """All columns in the order of the file.

    Parameters
    ----------
    file : ParquetFile
    measurements : list of str
        Those of type float32 share one array, in which a column follows the other.

    Raises
    ------
    pyarrow.ArrowException, OSError
        The file is damaged.
    """
    schema = file.schema_arrow
    together = [name for name in measurements if pa.types.is_float32(schema.field(name).type)]
    beside = [name for name in schema.names if name not in set(together)]
    if len(beside) > _MOST_BESIDE:
        together, beside = [], schema.names
    # Chosen twice, as a name before a dot stands for all columns that begin so.
    rest = file.read(columns=beside).select(beside)
    # Findings are 0, 1 or missing: bytes, which plain pandas has no missing value for.
    others = rest.to_pandas(types_mapper={pa.int8(): pd.Int8Dtype()}.get)
    if not together:
        return others
    frame = pd.DataFrame(_values(file, together).T, columns=together)
    for at, name in enumerate(schema.names):
        if name in others:
            frame.insert(at, name, others[name])
    return frame


def _values(file: pq.ParquetFile, names: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """(d, n) columns; NaN where a value is missing."""
    values = np.empty((len(names), file.metadata.num_rows), np.float32)
    start = 0
    # Group by group: the file's own iterator would keep all of its bytes.
    for number in range(file.num_row_groups):
        group = file.read_row_group(number, columns=names)
        for own, name in zip(values, names):
            own[start:start + len(group)] = group.column(name).to_numpy()
        start += len(group)
    if start != values.shape[1]:
        raise pa.ArrowInvalid(f"{start} rows came, its footer names {values.shape[1]}")
    return values
