"""NeuronSeek as a model of AutoGluon, as TabArena's judges run models."""
