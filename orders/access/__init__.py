"""Who may see and do what.

`roles` says what each role may do, `tokens` who has which. `ownership` finds what a storefront may see, `handing_over`
gives a service to another storefront. `private` holds a service's names, which
may not leave an activity for its workflow's history.
"""
