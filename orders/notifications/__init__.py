"""Notifications: people hear what needs them, once, and that it is over. docs/notifications.md.

`channels` reads who is notified of what, `subjects` finds what lasts, `telling` decides what is new, `digest` sums up
a day, `posting` sends.
"""
