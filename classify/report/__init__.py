"""The classification report: one offline HTML page from a `RunResult`."""
from classify.report.write import write_report

__all__ = ["write_report"]
