"""Every call that changes or costs is recorded, sent and settled. Which file answers which question:

- What was sent, and what became of it? `intents` is the record, and `views` shows it.
- Was it done, although the answer was lost? `lookup` looks at the upstream and `gathering` in our database; both fill
  `evidence`. `verdicts` judges an opening and `item_verdicts` a change of an item.
- Whose is an item? `marks` compares marks, `accounting` has the rules for items that are not proven to be ours, and
  `namesakes` names what the upstream may mean by "exists already".
- What if a yes comes late? `late`.
- What is left behind unpaid? `leftovers` decides, `removing` removes it and finds out whether it was paid.
- What does not add up? `second_items`, `other_terms` and `unexplained` report it.
"""
