"""Measures what an order costs: `python -m benchmarks`, or `make bench`. It reports and judges nothing.

Real processes, as in production: Temporal server, simulator, one worker. `running` is the story of a run,
`installation` starts the processes, `ordering` and `bare` are the two loads, `usage` reads what processes have used,
`report` is the shape of the result. docs/benchmarks.md explains the numbers.
"""
