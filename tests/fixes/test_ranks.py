"""The fix for a file that every process writes: rank 0 alone writes it, under its own name."""

from __future__ import annotations

from fixing import dedent, fix

SCRIPT = """
import torch
import torch.distributed as dist
import horovod.torch as hvd

def main(model, folder):
    {joins}
    {save}
"""
SAVE = 'torch.save(model, f"{folder}/model.pt")'


def test_rank_zero_writes() -> None:
    source = dedent(SCRIPT.format(joins="dist.init_process_group()", save=SAVE))
    (finding,) = fix(source, codes="SVI109").left
    assert finding.fix == "unsafe"
    assert finding.reason == "every process of the job must reach the call"
    result = fix(source, codes="SVI109", unsafe=True)
    assert 'model.pt", if_exists="replace", ranks="zero")' in result.code
    assert not fix(result.code, codes="SVI109", unsafe=True).applied


def test_processes_of_another_library_are_unknown_to_the_helper() -> None:
    source = dedent(SCRIPT.format(joins="hvd.init()", save=SAVE))
    (finding,) = fix(source, codes="SVI109", unsafe=True).left
    assert finding.fix is None


def test_an_open_file_is_left() -> None:
    save = 'with open(f"{folder}/model.pt", "wb") as file:\n        torch.save(model, file)'
    source = dedent(SCRIPT.format(joins="dist.init_process_group()", save=save))
    (finding,) = fix(source, codes="SVI109", unsafe=True).left
    assert finding.reason == "the file is opened before the call"
