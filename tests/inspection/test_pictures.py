"""Images from files, data sets and boxes reach the pictures upright, unscaled and in the right place."""

from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from skorch import NeuralNet
from torch.utils.data import TensorDataset

from actscore_sk import ActionScoreEstimator
from actscore_sk.inspection import ActionScoreReport, SampleGridDisplay
from actscore_sk.inspection.box_overlay import BoxOverlay
from actscore_sk.inspection.pictures import BoxCrops, as_pictures
from actscore_sk.losses import pad_boxes

matplotlib.use("Agg")
RNG = np.random.default_rng(0)
BOXES = [np.array([[1.0, 2.0, 5.0, 6.0], [0.0, 0.0, 2.0, 2.0]]), np.empty((0, 4)), np.array([[3.0, 3.0, 8.0, 7.0]])]
LABELS = [[1, 0], [], [1]]


def folder(tmp_path, names=("b.png", "a.png", "c.png")):
    """What torchvision's ImageFolder has."""
    for place, name in enumerate(names):
        Image.new("RGB", (60, 60), (place, 0, 0)).save(tmp_path / name)
    files = [(str(tmp_path / name), place % 2) for place, name in enumerate(names)]
    return SimpleNamespace(samples=files, targets=[target for _, target in files], classes=["cat", "dog"])


def test_photos_stand_upright(tmp_path):
    pixels = RNG.integers(0, 255, (4, 8, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by 90 degrees
    Image.fromarray(pixels).save(tmp_path / "photo.png", exif=exif)
    np.testing.assert_array_equal(as_pictures([tmp_path / "photo.png"])[0], np.rot90(pixels, -1))


def test_large_photos_keep_the_coordinates_of_their_boxes(tmp_path):
    Image.new("RGB", (1300, 1100)).save(tmp_path / "photo.png")
    boxes = [[[100.0, 200.0, 1200.0, 1000.0]]]
    display = SampleGridDisplay.from_scores([1.0], [tmp_path / "photo.png"], n_shown=1, boxes=boxes).plot(Figure())
    axes = display.axes_[0, 0]
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 1300), (1100, 0))
    assert max(axes.get_images()[0].get_array().shape) < 1024


def test_images_of_a_data_set():
    images = torch.rand(5, 3, 6, 7)
    pictures = as_pictures(TensorDataset(images, torch.arange(5)))
    np.testing.assert_array_equal(pictures[3], images[3].permute(1, 2, 0))


@pytest.mark.parametrize("kind", [list, np.array])
def test_paths_in_any_sequence(kind, tmp_path):
    paths = [path for path, _ in folder(tmp_path).samples]
    assert as_pictures(kind(paths))[2][0, 0, 0] == 2


def test_a_report_of_a_folder_has_paths_and_class_names(tmp_path):
    dataset = folder(tmp_path)
    rows = ActionScoreReport.from_scores([1.0, 3.0, 2.0], images=dataset).frame()
    assert rows["target"].tolist() == ["dog", "cat", "cat"]
    assert rows["file"].tolist() == [dataset.samples[i][0] for i in (1, 2, 0)]


def test_crops_hold_their_box_and_end_with_the_image():
    image = np.arange(100.0).reshape(1, 10, 10)
    crops = BoxCrops(image, np.array([0, 0]), np.array([[2.0, 4.0, 7.0, 9.0], [9.2, 0.0, 9.4, 0.1]]))
    np.testing.assert_array_equal(crops[0], image[0, 3:10, 1:8])
    np.testing.assert_array_equal(crops[1], image[0, :1, 9:])


def test_harder_boxes_are_drawn_thicker_and_lighter():
    axes = Figure().subplots()
    BoxOverlay(BOXES, [[5.0, 1.0], [], [3.0]]).draw(axes, 0)
    easy, hard = axes.get_lines()[1::2]
    assert list(hard.get_xdata()) == [1, 5, 5, 1, 1]
    assert hard.get_linewidth() > easy.get_linewidth()
    assert sum(hard.get_color()[:3]) > sum(easy.get_color()[:3]) + 0.5


def test_scores_of_other_boxes_are_refused():
    with pytest.raises(ValueError, match="image 0 has 2 boxes, but 1 scores of boxes"):
        BoxOverlay(BOXES, [[5.0], [], [3.0]]).draw(Figure().subplots(), 0)


class Sizes(torch.nn.Module):
    """A criterion whose units are boxes, and their losses the areas."""

    def forward(self, y_pred, y_true):
        there = y_true[..., 0] >= 0
        sides = (y_true[..., 3:] - y_true[..., 1:3]).where(there[..., None], 0)
        areas = sides.prod(-1)
        units = [row[mask] for row, mask in zip(areas, there, strict=True)]
        losses = areas.sum(1) + 0 * y_pred.sum(1)
        return losses.mean(), {"loss": losses, "units": units}


@pytest.fixture(scope="module")
def detector():
    net = NeuralNet(torch.nn.Linear(4, 1), criterion=Sizes, max_epochs=2, train_split=None, verbose=0)
    return ActionScoreEstimator(net, random_state=0).fit(np.zeros((3, 4), np.float32), pad_boxes(BOXES, LABELS))


def test_frame_of_units_names_boxes(detector):
    frame = detector.unit_frame()
    assert frame[["image", "box", "class"]].to_numpy().tolist() == [[0, 0, 1], [0, 1, 0], [2, 0, 1]]
    np.testing.assert_array_equal(frame[["x1", "y1", "x2", "y2"]], np.concatenate(BOXES))
    np.testing.assert_allclose(frame["score"], [2 * 16, 2 * 4, 2 * 20])


def test_classes_of_dicts_are_those_that_were_passed(detector):
    y = [{"boxes": torch.tensor(b), "labels": torch.tensor(c) + 1} for b, c in zip(BOXES, LABELS, strict=True)]
    assert detector.unit_frame(y)["class"].tolist() == [2, 1, 2]


def test_boxes_that_were_not_scored_are_refused(detector):
    with pytest.raises(ValueError, match="y has 1 boxes in 3 images, but 3 boxes in 3 images have scores"):
        detector.unit_frame(pad_boxes([*BOXES[1:], BOXES[1]], [*LABELS[1:], []]))


def test_hardest_boxes_are_cut_out_by_class(detector):
    images = RNG.random((3, 9, 9))
    display = SampleGridDisplay.from_boxes(detector.unit_frame(), images, n_shown=1)
    table = display.frame()
    assert table["group"].tolist() == [1, 1, 0, 0]
    assert table["name"].tolist() == ["#2, box 0", "#0, box 0", "#0, box 1", "#0, box 1"]
    np.testing.assert_array_equal(display.images[2], images[2, 2:8, 2:9])


def test_a_report_of_a_detector_shows_its_boxes(detector):
    titles = list(ActionScoreReport.from_estimator(detector, images=RNG.random((3, 9, 9))).displays)
    assert sum("boxes" in title or "box" in title for title in titles) == 2
