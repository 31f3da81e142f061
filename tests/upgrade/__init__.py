"""The rehearsal of an upgrade: `python -m tests.upgrade` (docs/upgrade.md)..

| Module | What it does |
|---|---|
| `trees` | the program of before, in a clone with an environment of its own, and the one of this tree |
| `installation` | the processes of both programs, on one database and one Temporal |
| `load` | storefronts that order all the time, and orders that wait for something |
| `story` | the steps of docs/upgrade.md, the way back, and the audit |
"""
