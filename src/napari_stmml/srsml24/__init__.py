"""The method of SRSML24 (S. R. Schofield, 2025), whole: where each step of its document is done.

Step 1, *Converting MATRIX STM data files*
    Heights are flattened and resampled by `heights.prepare.Preprocessing`, cut into windows by
    `heights.windows.WindowGrid`; `window_stream.store_map` keeps the prepared maps.
Step 2, *Preparing datasets and training the autoencoder*
    `window_stream.WindowStream` streams windows in shuffled batches, `window_stream.split` holds some out to
    validate on, `unet.build_autoencoder` is the network of Figure 3, `training.train_autoencoder` trains it.
Step 3, *Extracting latent features and clustering*
    `encoders.WindowEncoder.batches` yields what the bottleneck makes of the windows, `kmeans.fit_clusters`
    runs k-means on the first batch and mini-batch k-means on all of them.
Step 4, *Making cluster predictions on new STM images*
    `encoders.WindowEncoder.encode` encodes the windows of a scan; the nearest centre labels each
    (`clustering.centres.Prototypes`), and `features.painting.paint_scan` paints the labels.

Ours is `dense_unet` with `encoders.DenseWindowEncoder`: the same network, once over a whole map.
"""
