"""Pictures of networks, their activity and their curvature."""
