"""What trainers leave behind: console logs, histories, event files, as rows of one run.

from tables.logs import read_history
history = read_history("train.log")
history.rows; history.columns; history.final_step
"""

from tables.logs.history import History, read_history

__all__ = ["History", "read_history"]
