"""The admin API under ``/_sim``: reads and sets everything that a panel's owner, staff or bad luck could."""
