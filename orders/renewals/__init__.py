"""The end of a term: who hears of it, who has the next one paid, and what is closed then. docs/renewals.md.

`leads` reads how long before the end the services of a plan are prolonged, and `rules` says what is due on a day,
purely. `walking` finds the services that something is due for and does it; `stopping` is what a storefront says about
the end of a term.
"""
