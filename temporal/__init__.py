"""Temporal as a client sees it.

`client` connects. `dispatch` hands on what was just accepted, `starting` starts workflows, `delivery` brings events to
the orders that wait, `signals` and `updates` are the calls themselves. `healing` replaces runs that can't go on,
`registration` makes search attributes, `health` says whether queues are polled, `sandbox` says how workflows are run.
"""
