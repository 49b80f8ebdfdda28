"""Which rows win, which lose to a library, and which answers differ by more than they may."""

import math
from collections.abc import Iterable

from jaxinv.bench.record import PeerRecord, Record
from jaxinv.bench.report import texts


def best_library(record: Record) -> PeerRecord | None:
    """The fastest library beside the row: the one with the smallest ratio, which is also right for CPU time."""
    return min((peer for peer in record.peers if peer.kind == "library"), key=lambda peer: peer.ratio, default=None)


def is_slower_than(peer: PeerRecord) -> bool:
    """Whether the peer is a library that is faster than our kernel."""
    return peer.kind == "library" and peer.ratio < 1


def differs_from(peer: PeerRecord) -> bool:
    """Whether the peer's answer differs by more than its tolerance."""
    return peer.difference is not None and peer.tolerance is not None and not peer.difference <= peer.tolerance


def loses(record: Record) -> bool:
    """Whether a library is faster."""
    return any(map(is_slower_than, record.peers))


def wins(record: Record) -> bool:
    """Whether the row is faster than every library beside it, of which there is at least one."""
    best = best_library(record)
    return best is not None and best.ratio > 1


def most_different(record: Record) -> PeerRecord | None:
    """The peer whose answer uses most of its tolerance (where none has a tolerance, the one that differs most)."""

    def used(peer: PeerRecord) -> tuple[float, float]:
        difference = math.inf if peer.difference is None or math.isnan(peer.difference) else peer.difference
        if peer.tolerance is None:
            return -1.0, difference
        if peer.tolerance == 0:
            return (math.inf if difference else 0.0), difference
        return difference / peer.tolerance, difference

    return max((peer for peer in record.peers if peer.difference is not None), key=used, default=None)


def differs(record: Record) -> bool:
    """Whether a peer's answer differs by more than its tolerance."""
    return any(map(differs_from, record.peers))


def floor_ratio(record: Record) -> float | None:
    """Our time over that of the slowest floor, the nearest to what is possible; None without a floor."""
    slowest = max((peer.ratio for peer in record.peers if peer.kind == "floor"), default=0.0)
    return 1 / slowest if slowest > 0 else None


def geometric_mean(records: Iterable[Record]) -> float | None:
    """Of the ratios to the fastest library; None where no row has one."""
    logs = [math.log(best.ratio) for record in records if (best := best_library(record)) and best.ratio > 0]
    return math.exp(math.fsum(logs) / len(logs)) if logs else None


def reasons(record: Record) -> list[str]:
    """Why a row stands in red, a sentence each; none where it does not."""
    found = []
    best = best_library(record)
    if best is not None and is_slower_than(best):
        tie = "; the upper quartile reaches 1, so this may be a tie" if best.ratio_high >= 1 else ""
        found.append(f"slower than {best.name}, ratio {texts.ratio(best.ratio, best.ratio_low, best.ratio_high)}{tie}")
    peer = most_different(record)
    if peer is not None and differs(record):
        found.append(
            f"the answer differs from that of {peer.name} by {texts.scientific(peer.difference)}, "
            f"more than {texts.scientific(peer.tolerance)}"
        )
    return found
