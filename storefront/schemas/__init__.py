"""Bodies and parameters of requests, and answers that are more than one document: a module for each noun. The documents
are in `orders.views`."""
