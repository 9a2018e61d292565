"""The SurfaceClassifier: train it, keep it, predict with it, edit its classes."""
