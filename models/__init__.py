"""Tables, messages, enums and values shared by every other package; imports none of them."""
