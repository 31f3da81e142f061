"""What happens to an order in the database: short transactions, one package a noun.

Every change of state and its record are one transaction. Activities, the API and the starter call this package.
"""
