"""Makes tests/fixtures/masks/reference.tsv: the authors' position lists as CPython's own `random` draws them.

A line holds T, P, the optimizer step (from 1), how many positions there are, the FNV-1a hash of the list in its order
(64 bits, over the decimal numbers joined by commas), and for short lists the list itself, else "-".
"""
import pathlib
import random

CASES = [(4096, ratio) for ratio in (0.05, 0.10, 0.15, 0.20)] + [(32, 0.15), (64, 0.05), (2, 0.15), (200, 0.99)]
STEPS = 51
WHOLE = 12  # lists up to this length are written out


def reference_positions(length, ratio, step):
    """The released code's draw; its iteration counter runs from 0."""
    random.seed(50 + (step - 1) % 51)
    return random.sample(range(0, length - 1), max(1, int(length * ratio)))


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def fixture():
    lines = []
    for length, ratio in CASES:
        for step in range(1, STEPS + 1):
            positions = reference_positions(length, ratio, step)
            text = ",".join(map(str, positions))
            whole = text if len(positions) <= WHOLE else "-"
            lines.append(f"{length}\t{ratio}\t{step}\t{len(positions)}\t{fnv1a(text):016x}\t{whole}\n")
    return "".join(lines)


def main():
    folder = pathlib.Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "masks"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reference.tsv").write_text(fixture())


if __name__ == "__main__":
    main()
