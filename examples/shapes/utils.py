"""Helpers of the scripts."""

import os

import torch
from torch.nn import functional as F


def denorm(images):
    """Bring images from [-1, 1] to [0, 1]."""
    return (images + 1) / 2


def save_checkpoint(state, folder="out", filename="checkpoint.pt"):
    os.makedirs(folder, exist_ok=True)
    torch.save(state, os.path.join(folder, filename))


def discriminator_loss(discriminator, real, fake):
    real_logits, fake_logits = discriminator(real), discriminator(fake.detach())
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def generator_loss(discriminator, fake):
    return F.softplus(-discriminator(fake)).mean()
