import numpy as np
import pytest
from napari.layers import Image

from napari_stmml.events import ScanLabelled
from napari_stmml.viewer.model.confidence import (
    UNLIKE,
    confidence_layer,
    show_confidence,
    unlike_sentence,
    unlike_share,
)
from napari_stmml.viewer.shared.temporary_layers import TEMPORARY


@pytest.fixture
def scan_layer():
    return Image(np.zeros((2, 3)), name="1_3 Z forward/up", scale=(0.5, 0.5), units="nm", translate=(3, 4))


def test_unsure_is_dark_unlike_has_a_colour_of_its_own_and_no_label_is_transparent(scan_layer):
    layer = confidence_layer(np.zeros((2, 3), np.float32), scan_layer)
    unsure, sure = layer.colormap.map(np.array([0.01, 1.0]))
    assert unsure[0] < 0.2 < 0.9 < sure[0]
    pink = [int(UNLIKE[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    assert layer.colormap.map(np.array([0.0]))[0, :3] == pytest.approx(pink)  # what is below the limits
    assert layer.colormap.map(np.array([np.nan]))[0, 3] == 0
    assert layer.contrast_limits == [0, 1]
    assert layer.name == "confidence 1_3 FU"
    assert layer.visible


def test_a_layer_of_another_size_or_by_somebody_else_is_not_touched(viewer, scan_layer):
    other = viewer.add_layer(Image(np.zeros((2, 3)), name="confidence 1_3 FU"))
    small = viewer.add_layer(
        Image(np.zeros((9, 9)), name="confidence 1_3 FU", metadata={TEMPORARY: "confidence"})
    )
    show_confidence(viewer, confidence_layer(np.ones((2, 3), np.float32), scan_layer))
    assert len(viewer.layers) == 3
    assert not other.data.any()
    assert not small.data.any()


def test_the_share_that_is_unlike_is_that_of_all_that_was_labelled():
    events = [
        ScanLabelled("a", "a.tif", pixels={1: 90, 2: 0}, unlike=0),
        ScanLabelled("b", "b.tif", pixels={1: 10}, unlike=4),
    ]
    assert unlike_share(events) == 0.04
    assert unlike_share([]) == 0


@pytest.mark.parametrize(
    ("share", "asked", "begins"),
    [(0.023, True, "2.3 %"), (0.0001, True, "Less than 0.1 %"), (0, True, "Nothing"), (0.3, False, "30.0 %")],
)
def test_how_much_is_unlike_is_said_where_asked_or_much(share, asked, begins):
    assert unlike_sentence(share, asked).startswith(begins)
    assert unlike_sentence(0.01, asked=False) == ""
