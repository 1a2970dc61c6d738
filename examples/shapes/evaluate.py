"""Compare generated images with the nearest real ones, at several temperatures."""

import torch
from data import get_loader
from models import LATENT, Generator
from torchvision.utils import save_image
from utils import denorm

TEMPERATURES = [0.5, 1.0]


@torch.no_grad()
def evaluate():
    generator = Generator()
    generator.load_state_dict(torch.load("out/checkpoint.pt")["generator"])
    generator.eval()
    torch.manual_seed(1)

    for temperature in TEMPERATURES:
        distances = []
        for index, real in enumerate(get_loader(shuffle=False)):
            fake = generator(temperature * torch.randn(len(real), LATENT))
            difference = (denorm(fake) - denorm(real)).abs()
            distances.append(difference.mean().item())
            save_image(denorm(fake), f"out/fake_{index}.png", nrow=4)
            save_image(difference * 255, f"out/difference_{temperature}_{index}.png", nrow=4)
        mean = sum(distances) / len(distances)
        print(f"temperature {temperature}: mean difference {mean:.3f}")


if __name__ == "__main__":
    evaluate()
