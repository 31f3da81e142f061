"""Every call that changes or costs is recorded, sent and settled.

- `intents` is the record: what was sent, and what became of it.
- `lookup` looks at the upstream for an order whose answer was lost.
- `gathering` reads what our database knows of it.
- `evidence` is what both have found, and says which items are certainly somebody else's.
- `verdicts` judges by the evidence whether an opening was done.
- `item_verdicts` judges whether something was done to an item.
- `charges` looks for a charge that proves it although the item does not show it yet.
- `namesakes` finds what the upstream may mean by "exists already".
- `late` writes down a yes that comes after a request was settled otherwise.
- `second_items` reports items that an order made and that nobody counts on.
- `second_terms` reports a prolongation that was carried out twice.
- `other_terms` reports what was done and is not what was announced.
- `views` shows the calls of an operation.
"""
