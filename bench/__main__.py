"""`python -m bench`: times every row beside its peer, prints a table and writes `bench/results/<device>.jsonl`."""

import json
import pathlib

import jax
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.timing import interleaved, median
from bench.transferability import rows


def main() -> None:
    """Runs all rows in one process, ours and the peer's in turn."""
    device = jax.devices()[0]
    out = pathlib.Path(__file__).parent / "results" / f"{device.platform}.jsonl"
    out.parent.mkdir(exist_ok=True)
    table = Table(
        "case", "ours ms", "peer", "peer ms", "peer / ours", "difference", title=f"float32 on {device.device_kind}"
    )
    records = []
    for row in track(rows(), "timing"):
        ours, peer = interleaved([row.ours, row.peer])
        ratio = float(np.median(np.divide(peer, ours)))
        records.append(
            {
                "case": row.name,
                "peer": row.peer_name,
                "ours_ms": [1e3 * s for s in ours],
                "peer_ms": [1e3 * s for s in peer],
                "median_ratio": ratio,
                "relative_difference": row.difference,
                "device": device.device_kind,
                "jax": jax.__version__,
            }
        )
        difference = "" if row.difference is None else f"{row.difference:.1e}"
        style = "red" if ratio < 1 else None
        table.add_row(
            row.name,
            f"{median(ours):.1f}",
            row.peer_name,
            f"{median(peer):.1f}",
            f"{ratio:.2f}",
            difference,
            style=style,
        )
    out.write_text("".join(json.dumps(record) + "\n" for record in records))
    Console(width=120).print(table)
    print(out)


if __name__ == "__main__":
    main()
