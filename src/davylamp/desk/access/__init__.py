"""Who may see and do what: accounts, postings, one policy."""
