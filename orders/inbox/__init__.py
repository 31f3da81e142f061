"""The inbox: everything that needs a person, whatever its cause."""
