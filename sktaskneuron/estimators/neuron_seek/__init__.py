"""Networks of task-driven neurons, whose formula the data decide."""
