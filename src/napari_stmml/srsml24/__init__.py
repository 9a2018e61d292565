"""The method of SRSML24: windows, a U-Net, and k-means in batches."""
