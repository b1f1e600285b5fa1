"""Prints how long the source files are and fails above the budget: median 150, p90 400, none over 600 lines."""
import pathlib
import statistics
import subprocess
import sys

LIMITS = {"median": 150, "p90": 400, "longest": 600}


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    names = subprocess.run(["git", "ls-files", "*.h", "*.cpp", "*.cu", "*.py", "*.sh"], cwd=root,
                           capture_output=True, text=True, check=True).stdout.split()
    lengths = sorted((len((root / name).read_text().splitlines()), name) for name in names)
    counts = [count for count, _ in lengths]
    found = {"median": statistics.median(counts), "p90": counts[int(0.9 * (len(counts) - 1))],
             "longest": counts[-1]}
    print(f"{len(counts)} files, {sum(counts)} lines;", ", ".join(f"{k} {v:g}" for k, v in found.items()),
          f"({lengths[-1][1]})")
    over = [name for name, limit in LIMITS.items() if found[name] > limit]
    for name in over:
        print(f"{name} is over its budget of {LIMITS[name]} lines")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
