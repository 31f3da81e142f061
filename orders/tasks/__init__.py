"""Work for people: `manual` gives an operation into their hands and applies what they did, `work` is who has a task.

`views` shows tasks and their history.
"""
