"""The life of an operation, from its acceptance to its end.

- `intake` accepts an order for a new service.
- `requests` accepts an operation on a service that is there.
- `acceptance` writes the rows of both.
- `rehearsing` finds out what a request would do, and writes nothing.
- `queueing` says which operation of a service comes next.
- `stages` enters a stage.
- `lines` writes that into the log.
- `fast_path` writes the usual way in few statements.
- `attempts` limits how often a request is sent.
- `completion` ends an operation.
- `calling_off` ends one of which nothing more is to be sent.
- `causes` says why the upstream has not done it yet.
- `waiting_reasons` reads what operations wait for.
- `sweep` asks what nobody started and what was called off.
- `slowness` marks operations that take longer than usual.
- `views` shows operations.
- `choice_views` shows what can be asked of a service now, and what there is to choose.
"""
