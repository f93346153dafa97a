"""The networks of benchmarks/cnn.py.

ResNet-18 is that of He et al. 2016 (doi:10.1109/CVPR.2016.90). Its parts carry the names of torchvision's, so that a
state dict of torchvision's weights fits. The variant for 28 px has a 3x3 stem of stride 1 and no max-pool, as in the
experiments of MedMNIST v2 (doi:10.1038/s41597-022-01721-8).
"""
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from featurize.errors import UserError

NETS = ("resnet18", "small")
# Channels of the four stages of ResNet-18.
_STAGES = (64, 128, 256, 512)
# Channels of the four convolutions of the small network.
_SMALL = (32, 64, 128, 128)
# What torch.load raises on a file that is damaged or of another kind.
LOAD_FAULTS = (OSError, RuntimeError, ValueError, EOFError, KeyError, AttributeError, TypeError, pickle.UnpicklingError)
# Sides up to which ResNet-18 takes its small stem.
SMALL_STEM_PX = 64


class Block(nn.Module):
    """Two 3x3 convolutions and a way around them."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = None
        if stride > 1 or channels_in != channels:
            self.downsample = nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False),
                                            nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        around = x if self.downsample is None else self.downsample(x)
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)) + around)


class ResNet18(nn.Module):
    """Logits of K classes from (n, 3, side, side)."""

    def __init__(self, classes: int, small_stem: bool) -> None:
        super().__init__()
        self.small_stem = small_stem
        self.conv1 = (nn.Conv2d(3, _STAGES[0], 3, 1, 1, bias=False) if small_stem
                      else nn.Conv2d(3, _STAGES[0], 7, 2, 3, bias=False))
        self.bn1 = nn.BatchNorm2d(_STAGES[0])
        before = (_STAGES[0], *_STAGES[:-1])
        for number, (channels_in, channels) in enumerate(zip(before, _STAGES), start=1):
            first = Block(channels_in, channels, 1 if number == 1 else 2)
            setattr(self, f"layer{number}", nn.Sequential(first, Block(channels, channels, 1)))
        self.fc = nn.Linear(_STAGES[-1], classes)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn1(self.conv1(x)))
        if not self.small_stem:
            x = nn.functional.max_pool2d(x, 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean(dim=(2, 3)))


def small_net(classes: int) -> nn.Sequential:
    """Four 3x3 convolutions, halved after each of the first three: 240,000 weights."""
    parts: list[nn.Module] = []
    for number, (channels_in, channels) in enumerate(zip((3, *_SMALL), _SMALL)):
        parts += [nn.Conv2d(channels_in, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        if number < len(_SMALL) - 1:
            parts.append(nn.MaxPool2d(2))
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(_SMALL[-1], classes))


def make_net(name: str, classes: int, side_px: int, weights: Path | None = None) -> nn.Module:
    """A network with random weights, or with those of a local state dict.

    Raises
    ------
    UserError
        Weights that cannot be read or are of another network.
    """
    net = ResNet18(classes, side_px <= SMALL_STEM_PX) if name == "resnet18" else small_net(classes)
    if weights is not None:
        net.load_state_dict(_fitting(net, _read(weights), weights), strict=False)
    return net.to(memory_format=torch.channels_last)


def _read(path: Path) -> Mapping[str, Tensor]:
    """A state dict; plain tensors alone are read, nothing in the file is run."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except LOAD_FAULTS as error:
        raise UserError(f"--weights {path} cannot be read ({str(error).splitlines()[0]}): a state dict written by "
                        "torch.save is wanted, such as torchvision's resnet18-f37072fd.pth") from error
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise UserError(f"--weights {path} holds no state dict: a mapping of names to tensors is wanted")
    return content


def _fitting(net: nn.Module, given: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The given weights less the last layer, which has other classes, and less a stem of another size."""
    own = net.state_dict()
    fitting = {name: value for name, value in given.items() if name in own and own[name].shape == value.shape}
    body = [name for name in own if not name.startswith(("fc.", "conv1.")) and not name.endswith("num_batches_tracked")]
    missed = [name for name in body if name not in fitting]
    if missed:
        raise UserError(f"--weights {path} is of another network: {missed[0]} is not in it or has another shape "
                        f"({len(missed)} of {len(body)} such parts)")
    return fitting
