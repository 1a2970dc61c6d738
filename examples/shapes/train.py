"""Train the GAN in one process."""

import os

import torch
from data import get_loader
from models import LATENT, Discriminator, Generator
from torchvision.utils import save_image
from utils import denorm, discriminator_loss, generator_loss, save_checkpoint


def train(epochs=3):
    torch.manual_seed(0)
    generator, discriminator = Generator(), Discriminator()
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-3)
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=2e-3)
    fixed_noise = torch.randn(16, LATENT)

    for epoch in range(epochs):
        for real in get_loader():
            fake = generator(torch.randn(len(real), LATENT))
            loss_d = discriminator_loss(discriminator, real, fake)
            optimizer_d.zero_grad()
            loss_d.backward()
            optimizer_d.step()

            loss_g = generator_loss(discriminator, fake)
            optimizer_g.zero_grad()
            loss_g.backward()
            optimizer_g.step()
        print(f"epoch {epoch}: generator {loss_g.item():.3f}, discriminator {loss_d.item():.3f}")

        with torch.no_grad():
            samples = generator(fixed_noise)
        save_image(denorm(real), f"out/real_{epoch:03}.png", nrow=4)
        save_image(samples, "out/samples.png", nrow=4)
        save_checkpoint({"epoch": epoch, "generator": generator.state_dict()})

    torch.save(discriminator.state_dict(), "out/discriminator_{epochs}.pt")


if __name__ == "__main__":
    os.makedirs("out", exist_ok=True)
    train()
