"""The I/O that workflows ask for. Every activity may run twice; none does its work twice."""
