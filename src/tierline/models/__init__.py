"""The model bundle and the registry of bundles.

Belongs here: what a trained model is on disk, how it predicts, which one is champion on a day. Does not belong here:
training it (``training``) or explaining it (``scoring``).
"""

from tierline.models.bundle import BundleCard, ModelBundle, load_bundle, save_bundle
from tierline.models.inventory import SCHEDULE, UNKNOWN, RegistryEntry, RegistryEvent
from tierline.models.registry import Registry, require_author, same_person

__all__ = [
    "SCHEDULE",
    "UNKNOWN",
    "BundleCard",
    "ModelBundle",
    "Registry",
    "RegistryEntry",
    "RegistryEvent",
    "load_bundle",
    "require_author",
    "same_person",
    "save_bundle",
]
