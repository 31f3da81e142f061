"""A selling BILLmanager to develop, test and stage against.

It speaks the panel's real protocol over HTTP, keeps its own state, and can be made to misbehave through an admin
interface under ``/_sim``. It imports nothing of the product: it is an independent reading of the protocol, so that
each side can catch the other's mistakes. ``docs/simulator.md`` describes everything it can do.
"""
