"""The queues. Classify workers serve the first two, and the first before the second."""

STAT_QUEUE = "stat"
INFERENCE_QUEUE = "inference"
TRAINING_QUEUE = "training"
QUEUES = (STAT_QUEUE, INFERENCE_QUEUE, TRAINING_QUEUE)
