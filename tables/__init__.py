"""The one reader of tables and training logs, strict: a row is read as it stands, or refused with its line.

from tables import read_table
table = read_table("runs.csv.gz")
table.numbers("eval/loss"); table.labels("State"); table.notes
"""

from tables.errors import Ambiguous, BadTable, SeveralRuns, TableError
from tables.read import Reading, read_bytes, read_table
from tables.table import Table
from tables.where import holds, kept

__all__ = [
    "Ambiguous",
    "BadTable",
    "Reading",
    "SeveralRuns",
    "Table",
    "TableError",
    "holds",
    "kept",
    "read_bytes",
    "read_table",
]
