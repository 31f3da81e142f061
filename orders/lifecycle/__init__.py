"""The life of an operation, from its acceptance to its end. Which file answers which question:

- How is it accepted? `intake` for a new service, `requests` for a service that is there; `acceptance` writes the rows.
- How does it go on? `queueing` says whose turn it is, `stages` enters a stage, `fast_path` writes the usual way in few
  statements, and `attempts` limits how often a request is sent.
- What may a person decide? `allowed` has the rules and `facts` reads what they look at; `pending` keeps a decision
  until the workflow takes it, `corrections` changes what was asked.
- How does it end? `completion`, or `calling_off` where nothing more is to be sent.
- What is shown of it? `views`; `waiting_reasons` says what it waits for, `causes` what its item shows, and `slowness`
  whether it takes longer than usual.
"""
