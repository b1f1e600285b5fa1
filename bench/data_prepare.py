"""Times `meap data prepare` and its peak memory: medians of repeats, one JSON object on stdout.

usage: data_prepare.py MEAP TOKENIZER REPEATS FILE...
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time


def once(meap, tokenizer, files, folder):
    begin = time.monotonic()
    process = subprocess.Popen([meap, "data", "prepare", "--quiet", "--tokenizer", tokenizer, "--output", folder, *files],
                               stdout=subprocess.PIPE, text=True)
    summary = json.loads(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"meap data prepare failed with status {status}")
    return {"seconds": time.monotonic() - begin, "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "peak_mib": usage.ru_maxrss / 1024, "tokens": summary["tokens"], "bytes": summary["bytes"]}


def main(meap, tokenizer, repeats, files):
    with tempfile.TemporaryDirectory() as folder:
        runs = [once(meap, tokenizer, files, os.path.join(folder, str(i))) for i in range(int(repeats))]
    medians = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    medians["text_mb_per_second"] = medians["bytes"] / 1e6 / medians["seconds"]
    print(json.dumps({"cores": len(os.sched_getaffinity(0)), "repeats": len(runs), **medians}, indent=2))


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
