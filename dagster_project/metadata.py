"""What the Dagster UI shows of a table: its contract as a schema, its rows, its files."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pyarrow as pa

from tierline.schemas import Table


def contract_metadata(contract: Table) -> Mapping[str, object]:
    """Definition metadata of a table that keeps a contract."""
    columns = [
        dg.TableColumn(
            name=column.name,
            type=str(column.arrow_field.type),
            description=column.description,
            constraints=dg.TableColumnConstraints(nullable=column.nullable, unique=contract.key == (column.name,)),
        )
        for column in contract.columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=columns), "key": ", ".join(contract.key)}


def table_metadata(table: pa.Table, path: Path) -> dict[str, dg.MetadataValue]:
    """Materialization metadata of one staged table."""
    return {
        "dagster/row_count": dg.MetadataValue.int(table.num_rows),
        "columns": dg.MetadataValue.int(table.num_columns),
        "path": dg.MetadataValue.path(str(path)),
        "bytes": dg.MetadataValue.int(path.stat().st_size),
    }


def staged_result(table: pa.Table, path: Path, **extra: dg.MetadataValue) -> dg.MaterializeResult:
    """The result of an asset that staged one table."""
    return dg.MaterializeResult(metadata={**table_metadata(table, path), **extra})
