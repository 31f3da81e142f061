"""The failure matrix: what becomes of an order when something breaks at a step of its way.

    python -m tests.matrix              run all cells and write docs/failure-matrix.md
    python -m tests.matrix --check      is the page what the cells and their results make of it?

- `cells` has the steps, faults and operations as data, and why a combination makes no sense.
- `outcome` judges what became of an order: by the upstream's charges and items, and by our rows.
- `lives` runs the cells whose fault is on the line, in what is read, or in the events: workers in this process.
- `rows` runs those that need real processes: a worker killed or stopped, a database or Temporal restarted.
- `halted_worker` is the worker of `rows`, which halts at a step.
- `page` writes the page and reads its results back.
"""
