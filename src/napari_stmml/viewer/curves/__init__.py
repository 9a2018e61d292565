"""The panel Curves: what was measured at the selected points."""
