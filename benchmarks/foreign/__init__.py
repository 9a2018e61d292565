"""Maps on surfaces that nothing was tuned on."""
