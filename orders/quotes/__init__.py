"""Quotes: what a request would cost, when it would be done, and what stands in its way, without ordering anything."""
