"""Ended operations as files, one a month, for whoever wants them longer than the database keeps all of them."""
