// What flags with numbers may be, in words that people read.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>

namespace meap {

/// An integer of at least `least` that fits into an int64_t, or a number of at least (above) 0.
/// Anything else, a negative number for an unsigned flag too, ends the program with the flag's name
/// and "expected: 1 or more".
CLI::Validator AtLeast(uint64_t least);
/// The same from 0, and fitting into a uint64_t.
CLI::Validator SeedNumber();
CLI::Validator NumberFromZero();
CLI::Validator NumberAboveZero();

/// Blanks around a word are not meant: "--tasks 'a, b'" names a and b.
CLI::Validator Trimmed();

}  // namespace meap
