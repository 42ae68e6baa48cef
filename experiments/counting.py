"""What a call costs, counted and not timed: the same on every machine."""

from __future__ import annotations

from typing import Any

import dualad


def ledger(function: Any, *args: Any) -> dict[str, int]:
    """Operations on array elements, NumPy calls, bytes read and written.

    Only what depends on the arguments is counted, so the data of a problem belong among them: the product of
    a data matrix with a seed direction would be missed otherwise.
    """
    count = dualad.count(function)(*args)
    return {"operations": count.operations, "calls": count.calls, "bytes": count.bytes}
