"""The report: one self-contained HTML file from the tables and figures of a stored folder."""

from sim.report.document import report_html
from sim.report.study import Material, Study

__all__ = ["Material", "Study", "report_html"]
