"""NeMo: iterations and steps count from 0."""

from tables.logs.pattern import INT, NUM, Pattern

PATTERN = Pattern(
    "NeMo",
    "Training epoch 0, iteration 100/5999 | lr: 3.0e-04 | global_step: 100 | reduced_train_loss: 4.734",
    rows=(rf"Training epoch (?P<epoch>{INT}), iteration (?P<iteration>{INT})/(?P<total>{INT}) \|",),
    pairs=rf"\|\s*(?P<key>[A-Za-z]\w*(?: \w+)*): (?P<value>{NUM})",
    last_is=1,
)
