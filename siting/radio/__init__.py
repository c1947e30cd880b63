"""Radio prediction: path loss, building penetration, link budget, best server."""
