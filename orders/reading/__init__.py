"""What all documents for people share: `documents` and `paging`, `filters` of lists, and the `audit` as it is shown."""
