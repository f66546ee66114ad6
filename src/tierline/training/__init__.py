"""From labelled rows and features to a model bundle.

Belongs here: the panel, the splits by time, fitting and judging. Does not belong here: which bundle is in use
(``models``) or scoring a night (``scoring``).
"""

from tierline.training.config import TrainingConfig
from tierline.training.frame import FrameOptions, fit
from tierline.training.train import TrainingRequest, train_bundle

__all__ = ["FrameOptions", "TrainingConfig", "TrainingRequest", "fit", "train_bundle"]
