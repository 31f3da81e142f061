"""Tying upstream items to services, at a person's word: nothing is bought.

`linker` reads the item and sets our mark; `link` and `adopt` are the two transactions. `requests` is what may be asked,
`target` what the item should be, `item` what it is, `fit` names in words what does not fit, and `candidate_views`
shows what may belong together.
"""
