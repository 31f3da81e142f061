"""Writes the generated parts of the Python client from the OpenAPI document: `python -m client_generator`."""
