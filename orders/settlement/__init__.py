"""Intent, send, settle: the record of every call that changes or costs, and the judgement on a lost answer.

`intents` is the record. `gathering` reads what our database knows and `lookup` what the upstream shows; `verdicts` and
`item_verdicts` judge it, with `marks`, `namesakes`, `accounting` and `evidence`. `late` takes a yes that comes late.
`leftovers` and `removing` clean up; `second_items`, `other_terms` and `unexplained` report what does not add up.
`views` shows intents.
"""
