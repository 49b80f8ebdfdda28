"""Pages of `bench/results`: every row beside its peers, the losing ones in bold, and a table that counts them."""

import pathlib
from collections.abc import Sequence

from jaxinv.bench.record import PeerRecord, Record, read
from jaxinv.bench.report import texts
from jaxinv.bench.report.verdicts import is_slower_than, loses
from jaxinv.bench.timing import BUSY

RESULTS = pathlib.Path(__file__).parents[2] / "bench" / "results"
OTHER_FORMATS = ("large_file.jsonl", "ranking_scale.jsonl")
HEAD = (
    "| kernel | sizes | mode | ms | of limit | error | peer | peer's ms | peer / ours |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
)


def devices() -> dict[str, list[Record]]:
    """The records of every device, by its name."""
    files = (path for path in sorted(RESULTS.glob("*.jsonl")) if path.name not in OTHER_FORMATS)
    held = [read(path) for path in files]
    return {records[0].run["device"]: records for records in held}


def families() -> list[str]:
    """Families with a record, in the order of the alphabet."""
    return sorted({record.family for records in devices().values() for record in records})


def family_page(family: str) -> str:
    """Markdown of one family, device after device."""
    parts = [
        f"# Benchmark: {family}\n",
        "[How these figures are taken](index.md). `peer / ours` above 1: we are faster; **bold**: we are slower.\n",
    ]
    for device, records in devices().items():
        rows = [record for record in records if record.family == family]
        if not rows:
            continue
        parts.append(f"## {device}\n\n{_rows([row for row in rows if row.axis is None])}")
        if sweeps := [row for row in rows if row.axis is not None]:
            parts.append(f"### Growth with a size, {device}\n\n{_rows(sweeps)}")
    return "\n".join(parts)


def summary_table() -> str:
    """Markdown: rows of each family and device, and how many of them lose to a peer."""
    rows = ["| family | device | rows | slower than a peer | measured |", "| --- | --- | --- | --- | --- |"]
    for family in families():
        for device, records in devices().items():
            own = [record for record in records if record.family == family and record.axis is None]
            if own:
                lost = sum(map(loses, own))
                days = sorted({record.run["time"][:10] for record in own})
                span = " to ".join(dict.fromkeys((days[0], days[-1])))
                link = f"[{family}]({family.replace('_', '-')}.md)"
                rows.append(f"| {link} | {device} | {len(own)} | {lost} | {span} |")
    return "\n".join(rows)


def _rows(records: Sequence[Record]) -> str:
    rows = []
    for record in records:
        own = _own_cells(record)
        for peer in record.peers or (None,):
            rows.append("| " + " | ".join([*own, *_peer_cells(peer)]) + " |\n")
            own = [""] * len(own)
    return HEAD + "".join(rows)


def _own_cells(record: Record) -> list[str]:
    return [
        f"`{record.case}`" + (f" {texts.variant(record)}" if texts.variant(record) != "fresh" else ""),
        texts.sizes(record.sizes),
        record.mode if record.dtype == "float32" else f"{record.mode}, {record.dtype}",
        texts.significant(record.time.median_ms) + (f", busy {record.busy:.0%}" if record.busy > BUSY else ""),
        f"{record.limit_share:.0%}" if record.mode == "forward" else "",
        texts.scientific(record.error),
    ]


def _peer_cells(peer: PeerRecord | None) -> list[str]:
    if peer is None:
        return ["", "", ""]
    ratio = texts.ratio(peer.ratio)
    kind = f"{peer.name} ({peer.kind})"
    return [kind, texts.significant(peer.time.median_ms), f"**{ratio}**" if is_slower_than(peer) else ratio]
