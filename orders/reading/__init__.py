"""What all documents share: exact numbers, pages, filters."""
