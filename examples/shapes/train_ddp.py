"""Train the discriminator to tell rectangles from noise, in several processes (torchrun)."""

import os

import torch
import torch.distributed as dist
from data import Rectangles
from models import Discriminator
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler
from utils import discriminator_loss


def main(epochs=2):
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    data = Rectangles(64)
    sampler = DistributedSampler(data)
    loader = DataLoader(data, batch_size=8, sampler=sampler)
    model = DistributedDataParallel(Discriminator())
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        for real in loader:
            optimizer.zero_grad()
            discriminator_loss(model, real, torch.rand_like(real) * 2 - 1).backward()
            optimizer.step()
        torch.save(model.state_dict(), f"out/ddp_{epoch:03}.pt")

    if dist.get_rank() == 0:
        torch.save(model.module.state_dict(), "out/ddp.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    os.makedirs("out", exist_ok=True)
    main()
