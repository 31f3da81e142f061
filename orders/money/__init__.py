"""Money of upstream accounts: prices, reservations, the line of those who wait, and the cart of an upstream."""
