"""What the poller of an upstream account does, one job a module.

`schedule`: when is what read. `watch`: the state of one run. `waiting`: who waits. `lists`: a whole list. `forms`,
`heads`: reading items that are waited for, or told of. `hinted`, `keys`, `strangers`, `renewals`: what leads to forms.
`delivering`: signals to orders. `health`: what is said of the account. `looks`: which of two looks at an item counts.
`pieces`: work at once, of which no piece spoils another.
"""
