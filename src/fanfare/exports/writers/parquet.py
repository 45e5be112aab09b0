"""Makes a Parquet file of a compressed CSV file: `python -m fanfare.exports.writers.parquet ROWS FILE TYPES`.

TYPES is a JSON object with the PostgreSQL type of each column. Rows are read and written in blocks, so memory does not
grow with the file. It is a program of its own, since pyarrow takes 100 MB that a worker would keep.
"""

import sys
from pathlib import Path
from typing import Any

import msgspec

from fanfare.kernel.running.callers import end_with_caller

# Blocks that are read, of which pyarrow has 32 in advance; a block has to hold a row, so large rows need larger ones.
# A value can have 64 KiB of JSON, and each quotation mark in it is doubled; a fan has many fields.
BLOCK_BYTES = (1024 * 1024, 8 * 1024 * 1024)
# A group of rows that is written at once.
GROUP_ROWS, GROUP_BYTES = 100_000, 8 * 1024 * 1024
COMPRESSION = "zstd"


def _types(pa: Any) -> dict[str, Any]:  # noqa: ANN401 - the module, which is loaded here alone
    return {
        "int8": pa.int64(), "int4": pa.int32(), "int2": pa.int32(), "bool": pa.bool_(), "float8": pa.float64(),
        "float4": pa.float32(), "numeric": pa.decimal128(38, 6), "date": pa.date32(),
        "timestamptz": pa.timestamp("us", "UTC"),
    }  # fmt: skip


def write(rows: Path, file: Path, names: dict[str, str]) -> int:
    """Write a Parquet file and return the number of its rows."""
    import pyarrow as pa  # type: ignore[import-untyped] # noqa: PLC0415 - an extra

    pa.set_memory_pool(pa.system_memory_pool())
    types = _types(pa)
    schema = pa.schema([(name, types.get(kind, pa.string())) for name, kind in names.items()])
    small, large = BLOCK_BYTES
    try:
        return _write_by_blocks(rows, file, schema, small)
    except pa.ArrowInvalid:
        return _write_by_blocks(rows, file, schema, large)


def _write_by_blocks(rows: Path, file: Path, schema: Any, block_bytes: int) -> int:  # noqa: ANN401 - of pyarrow
    """Write the file and return the number of its rows; ArrowInvalid for a row that is larger than a block."""
    import pyarrow as pa  # noqa: PLC0415 - an extra
    import pyarrow.csv  # type: ignore[import-untyped] # noqa: PLC0415 - the same
    import pyarrow.parquet  # type: ignore[import-untyped] # noqa: PLC0415 - the same

    convert = pa.csv.ConvertOptions(
        column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    read = pa.csv.ReadOptions(block_size=block_bytes, use_threads=False)
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    count, group_bytes, group = 0, 0, []
    with (
        pa.CompressedInputStream(pa.OSFile(str(rows)), "gzip") as source,
        pa.csv.open_csv(source, read, parse, convert) as batches,
        pa.parquet.ParquetWriter(str(file), schema, compression=COMPRESSION) as writer,
    ):
        for batch in batches:
            group.append(batch)
            count, group_bytes = count + batch.num_rows, group_bytes + batch.nbytes
            if group_bytes >= GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(group, schema), row_group_size=GROUP_ROWS)
                group_bytes, group = 0, []
        writer.write_table(pa.Table.from_batches(group, schema), row_group_size=GROUP_ROWS)
    return count


def main() -> None:
    """Write the file that the command line names, and the number of its rows to the output."""
    end_with_caller()
    rows, file, types = sys.argv[1:]
    print(write(Path(rows), Path(file), msgspec.json.decode(types, type=dict[str, str])))  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
