"""Images of white rectangles on black, normalised to [-1, 1]."""

import torch
from torch.utils.data import DataLoader, Dataset

SIZE = 16


class Rectangles(Dataset):
    """Random rectangles; the same index always gives the same image."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        top, left = torch.randint(0, SIZE // 2, (2,), generator=generator).tolist()
        height, width = torch.randint(3, SIZE // 2, (2,), generator=generator).tolist()
        image = torch.zeros(1, SIZE, SIZE)
        image[:, top : top + height, left : left + width] = 1
        return image * 2 - 1


def get_loader(count=64, batch_size=16, shuffle=True):
    return DataLoader(Rectangles(count), batch_size=batch_size, shuffle=shuffle)
