"""What a predicted network carries in its busiest hour, and what would relieve it."""
