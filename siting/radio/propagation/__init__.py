"""Path loss and diffraction of single paths, by the formulas of their standards."""
