"""One self-contained HTML page about a ranking: tables and pictures, no network, no script.

One topic a file: `names` and `numbers` turn names and values into text, `looks` gives models colours and markers,
`plots` draws on matplotlib axes, `pictures` turns drawings into inline SVG, `tables` makes HTML tables, `flags` knows
which diagnostics deserve a warning, `headline` says what won, `sections` puts one target together, `page` and `style`
the whole page.
"""

from jaxinv.report.page import write_report

__all__ = ["write_report"]
