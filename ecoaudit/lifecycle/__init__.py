"""What computing costs over its life, beginning with its operation."""
