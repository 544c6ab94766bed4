"""Training: TensorFlow, silent, with sums that do not depend on the processor, unless it was imported before."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
