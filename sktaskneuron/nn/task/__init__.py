"""The task-driven neuron, and the network built from it."""
