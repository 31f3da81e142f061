"""One class for each kind of operation, in the module of the kind's name: what may be asked, the goal, what is sent.

`base.py` says what a class owns, `requests.py` what a request may hold; `registry.py` finds the class of a kind.
"""
