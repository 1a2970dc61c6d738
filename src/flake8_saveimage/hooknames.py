"""What frameworks call the methods that they call again and again. Imports nothing of libcst."""

from __future__ import annotations

import re

HOOK = re.compile(
    r"(training|validation|train|valid|val|test|predict|eval|optimizer)_step(_end)?"
    r"|on_(train_|training_|validation_|valid_|val_|test_|predict_|eval_|evaluation_)?"
    r"(epoch|batch|step|iteration|iter|loader|substep)_(start|begin|end)"
    r"|(training|validation|train|valid|val|test)_epoch_end"
    r"|on_(validation_end|evaluate|log|save|after_backward|before_optimizer_step|save_checkpoint)"
    r"|(before|after)_(train_|val_|test_)?(epoch|iter|batch|step|pred|loss|backward|train|validate)"
    r"|(before|after)_(train|val|test)_(epoch|iter)"
    r"|forward|__getitem__|forward_step|train_one_step|compute_loss|compute_metrics"
)
