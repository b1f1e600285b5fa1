"""Prints the scalar curves TensorBoard reads from a folder: {tag: [[step, value], ...]}.

usage: tensorboard_scalars.py FOLDER
"""
import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

reader = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
reader.Reload()
print(json.dumps({tag: [[event.step, event.value] for event in reader.Scalars(tag)]
                  for tag in reader.Tags()["scalars"]}))
