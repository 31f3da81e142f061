"""Plans as they are on sale: what can be ordered and how, what an order must look like, whether the upstream has it."""
