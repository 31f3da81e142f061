"""Tunes the garbage collector of a process that runs for long.

Every few hundred new objects the interpreter searches those it has for cycles that nobody can reach, now and then
all of them. A worker has half a million that it keeps until it ends: code, classes, schemas. Searching these
again and again was more than half of what an idle worker with a long list to read cost, and a part of every order.

So the objects of a process that is ready are frozen, and a search begins after more new objects. What is freed by
counting references, which is nearly everything, is freed as before.
"""

import gc

THRESHOLDS = (20_000, 20, 50)
"""New objects before the youngest are searched; searches of these before the next older ones are; and again."""


def freeze_loaded_objects() -> None:
    """Call it once, when everything is loaded and work begins."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
