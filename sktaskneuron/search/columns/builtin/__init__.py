"""The built-in engine: libraries of growing depth."""
