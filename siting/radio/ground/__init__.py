"""Terrain, and what it puts between a mast and the places round it."""
