"""Pictures of searches of activations."""
