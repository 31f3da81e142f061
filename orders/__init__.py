"""What happens to an order in the database: short transactions, no HTTP, no Temporal.

Every change of state and its record are one transaction. Activities, the API and the starter call this package; it
calls nobody.
"""

from orders import history as history  # from its import on, sessions write down what changes a service
