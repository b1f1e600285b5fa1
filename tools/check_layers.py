"""Fails when an #include points up: a folder may include its own layer (without a cycle) and those below."""
import pathlib
import re
import sys

# Top to bottom, as in CONTRIBUTING.md.
LAYERS = [
    ["apps"],
    ["train", "eval", "infer", "analysis", "experiment", "report", "judge", "compare",
     "page"],
    ["objective", "data", "model", "evaltext", "chat"],
    ["nn", "text", "jinja", "checkpoint", "dist"],
    ["core", "config"],
]
RANK = {folder: rank for rank, row in enumerate(LAYERS) for folder in row}


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'#include "(\w+)/', line)
        if match and match.group(1) in RANK:
            yield number, match.group(1)


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    errors, beside = [], {}
    for path in sorted([*root.glob("src/**/*.*"), *root.glob("apps/**/*.*")]):
        if path.suffix not in (".h", ".cpp", ".cu", ".cuh"):
            continue
        parts = path.relative_to(root).parts
        folder = parts[1] if parts[0] == "src" else "apps"
        for number, target in includes(path):
            if RANK[target] < RANK[folder]:
                errors.append(f"{path.relative_to(root)}:{number}: {folder} may not include {target}")
            elif RANK[target] == RANK[folder] and target != folder:
                beside.setdefault(folder, set()).add(target)
    for folder in beside:
        seen, todo = set(), list(beside[folder])
        while todo:
            step = todo.pop()
            if step not in seen:
                seen.add(step)
                todo.extend(beside.get(step, ()))
        if folder in seen:
            errors.append(f"cycle of folders through {folder}: {sorted(seen)}")
    print("\n".join(errors) or "layers: every include points down")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
