"""Every question the service asks its database, by intent; a function takes the session it uses.

No function commits: the caller's session does, once, at its edge.
"""
