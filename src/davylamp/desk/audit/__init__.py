"""Every change leaves a row in a chain that nobody can rewrite unseen."""
