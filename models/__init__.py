"""Tables, messages, enums and values shared by every other package; imports none of them.

The `id` of a row is an int. The database gives it when the row is flushed; a row that is newer has none yet.
"""
