"""The two queues."""

INFERENCE_QUEUE = "inference"
TRAINING_QUEUE = "training"
