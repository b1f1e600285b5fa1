"""What a benchmark must at least show: each script keeps its floors in a table named FLOORS, and ends here."""
import sys


def at_least(what, value, floor):
    return f"{what} is {value:.3f}, to be at least {floor}" if value < floor else None


def at_most(what, value, limit):
    return f"{what} is {value:.3f}, to be at most {limit}" if value > limit else None


def finish(checks):
    """Prints the floors missed, results of at_least and at_most, and ends the program with 1 where there are
    any. To be called when the results are written."""
    missed = [check for check in checks if check]
    for check in missed:
        print(f"floor missed: {check}", file=sys.stderr)
    if missed:
        sys.exit(1)
