"""Drift: where our record and the upstream say something else and nothing heals it automatically.

`comparing` finds it after each sweep of a list, `deciding` has what people do about it, `views` shows it.
"""
