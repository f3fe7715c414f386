"""Reads back what trackers wrote: TensorBoard by its own reader, W&B's log by its format."""

import json
import struct
import warnings
from pathlib import Path

BLOCK = 32768


def tensorboard_run(folder: Path):
    """The content of one TensorBoard run, everything loaded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        return EventAccumulator(str(folder), size_guidance={"images": 0, "tensors": 0, "scalars": 0}).Reload()


def text_of(run, tag: str) -> str:
    return run.Tensors(f"{tag}/text_summary")[0].tensor_proto.string_val[0].decode()


def wandb_records(folder: Path) -> list:
    """The records of the only offline run below `folder`; its log has LevelDB's format, after a header of 7 bytes."""
    import wandb
    from wandb.proto.wandb_internal_pb2 import Record

    wandb.teardown()  # waits for the process that writes the files
    [file] = folder.glob("offline-run-*/run-*.wandb")
    content, records, start, pieces = file.read_bytes(), [], 7, b""
    while start + 7 <= len(content):
        if BLOCK - start % BLOCK < 7:
            start += BLOCK - start % BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", content[start : start + 7])
        pieces += content[start + 7 : start + 7 + length]
        start += 7 + length
        if kind in (1, 4):  # a whole record, or the last piece of one
            records.append(Record.FromString(pieces))
            pieces = b""
    return records


def history(records: list) -> list[dict]:
    """The rows that were logged."""
    rows = [record.history.item for record in records if record.HasField("history")]
    return [{item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in row} for row in rows]
