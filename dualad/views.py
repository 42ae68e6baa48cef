"""Assignment into traced arrays, and the arrays that share their memory.

A traced array does not change: an assignment computes a new one, and the handle that the user holds is made
to stand for it. What NumPy would show through other handles, the views of the same memory, is recomputed for
them from the one that they are a view of, which the handles of a family know.
"""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

import numpy as np

from .op import Op, example


class View(NamedTuple):
    """How a handle came from another one: `op(parent, **keywords)`, of which `op.view` is the way back."""

    parent: Any
    op: Op
    kwargs: dict[str, Any]


def link(child: Any, parent: Any, op: Op, kwargs: dict[str, Any]) -> None:
    """Note that `child` is a view of `parent`, where NumPy made it one."""
    if not np.may_share_memory(example(child), example(parent)):
        return
    child.view = View(parent, op, kwargs)
    children = getattr(parent, "children", None)
    if children is None:
        parent.children = children = []
    elif len(children) >= 8 and len(children) & (len(children) - 1) == 0:
        children[:] = [ref for ref in children if ref() is not None]
    children.append(weakref.ref(child))


def replace(handle: Any, result: Any) -> None:
    """Make `handle` stand for `result`, and with it what it is a view of, and their other views."""
    handle.become(result)
    current = {id(handle)}
    root = handle
    while (view := getattr(root, "view", None)) is not None:
        view.parent.become(view.op.view(view.parent, root, **view.kwargs))
        root = view.parent
        current.add(id(root))
    waiting = [root]
    while waiting:
        parent = waiting.pop()
        for ref in getattr(parent, "children", None) or ():
            child = ref()
            if child is None:
                continue
            if id(child) not in current:
                child.become(child.view.op(parent, **child.view.kwargs))
            waiting.append(child)
