"""The Train and Predict widgets and their parts."""
