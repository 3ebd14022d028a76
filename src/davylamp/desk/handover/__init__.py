"""A lead goes to who must act, with a deadline, and comes back."""
