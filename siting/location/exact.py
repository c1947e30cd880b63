"""Any small model by branch and bound over its whole programme."""
