"""The service around :mod:`siting`: storage, jobs, HTTP and pages; it decides nothing itself."""
