"""The location engine: classical location models on plain arrays, answered with a certificate.

A model is the question, :func:`siting.location.engine.solve` the search,
:class:`~siting.location.solution.Solution` the answer, and :func:`siting.location.checking.verify`
the check that shares no code with the search.
"""
