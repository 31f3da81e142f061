"""Two years of a shop in a few minutes: what the database holds afterwards, and what the daily pruning keeps flat."""
