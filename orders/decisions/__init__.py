"""What people decide about an operation.

- `allowed` has the rules: what may be decided, and by whom. Pure.
- `facts` reads what these rules look at.
- `pending` keeps a decision until the workflow takes it.
- `deciding` carries a decision out.
- `batches` decides about many operations at once.
- `batch_views` shows what became of each.
- `corrections` changes what the operation asks for.
"""
