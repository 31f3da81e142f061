"""Who may see and do what.

`roles` says what each role may do, and who asks. `tokens` says who has which role. `ownership` finds what a storefront
may see, `handing_over` gives a service to another storefront. `private` holds a service's names, which may not leave an
activity for its workflow's history.
"""
