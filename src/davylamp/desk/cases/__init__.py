"""What was found, what it was, what was done, and whether it stayed so."""
