"""One self-contained HTML page about a benchmark run: tables, sweeps and a roofline, no network, no script.

One topic a file: `texts` turns numbers into text, `verdicts` knows which rows lose or differ, `environment` what a run
shared, `rows` makes the tables, `legend` explains colours, `sweeps` and `roofline` draw, `page` and `style` the whole.
"""

from jaxinv.bench.report.page import write_report

__all__ = ["write_report"]
