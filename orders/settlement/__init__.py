"""Intent, send, settle: the record of every call that changes or costs, and the judgement on a lost answer."""
