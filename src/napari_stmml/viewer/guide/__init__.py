"""The panel STM: the steps from a scan to a figure, what is done for the scan in sight, what comes next."""
