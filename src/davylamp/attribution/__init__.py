"""Whose address was it at that time, and which computer stood behind it.

`registry` keeps who held which address when; `lookup` answers for one address or a million.
"""
