"""What people see: one module per screen; the rooms below know nothing of it."""
