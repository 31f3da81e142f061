"""Webhooks: messages are written in the transaction that makes them true, spread to endpoints, signed and posted."""
