"""Tying upstream items to services: linking one to a service that is there, and adopting one as a new service."""
