"""Work for people: manual tasks, who has one in hand, and the way back."""
