"""The life of an operation, from its acceptance to its end.

It is accepted: `intake` for a new service, `requests` for one that is there; `acceptance` writes the rows. It runs:
`turns` says whose turn it is, `stages` enters stages, `fast_path` is the short way through them. People decide:
`allowed` says what is possible, judging the `facts`; `pending` keeps a decision until the workflow takes it,
`corrections` changes what was asked. It ends: `completion`, or `calling_off`. `views` shows it, with `waiting_reasons`,
`causes`, `slowness` and `attempts`.
"""
