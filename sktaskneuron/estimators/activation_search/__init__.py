"""Networks whose activation function is chosen for the task."""
