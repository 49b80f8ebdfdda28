"""The table in the terminal: losing rows in red."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Column, Table

from jaxinv.bench.record import PeerRecord, Record
from jaxinv.bench.report.verdicts import differs_from, is_slower_than


def table(records: Sequence[Record], device: str) -> Table:
    """Each row beside every peer; sweep points are left to the report."""
    shown = Table(
        "case",
        "sizes",
        Column("ours ms", justify="right"),
        "peer",
        Column("peer ms", justify="right"),
        Column("peer / ours", justify="right"),
        Column("of limit", justify="right"),
        Column("difference", justify="right"),
        title=escape(device),
    )
    for record in records:
        if record.axis is not None:
            continue
        for peer in record.peers or (None,):
            is_red = peer is not None and (is_slower_than(peer) or differs_from(peer))
            shown.add_row(*_cells(record, peer), style="red" if is_red else None)
    return shown


def _cells(record: Record, peer: PeerRecord | None) -> list[str]:
    kind = [record.dtype] if record.dtype != "float32" else []
    kind += [text for text in (record.mode, record.variant) if text not in ("forward", "fresh")]
    kind += ["huge pages"] if record.huge_pages else []
    name = " ".join([record.case, *kind])
    sizes = " ".join(f"{name}={value}" for name, value in record.sizes.items())
    cells = [escape(name), escape(sizes), f"{record.time.median_ms:.3g}"]
    cells += (
        ["", "", ""]
        if peer is None
        else [f"{peer.name} ({peer.kind})", f"{peer.time.median_ms:.3g}", f"{peer.ratio:.2f}"]
    )
    cells.append(f"{record.limit_share:.0%}" if record.mode == "forward" else "")
    cells.append("" if peer is None or peer.difference is None else f"{peer.difference:.1e} of {peer.tolerance:.0e}")
    return cells
