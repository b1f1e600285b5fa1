// What flags with numbers may be, in words that people read.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>

namespace meap {

/// An integer of at least `least`, or a number of at least (above) 0. Anything else, a negative
/// number for an unsigned flag too, ends the program with the flag's name and "expected: 1 or
/// more".
CLI::Validator AtLeast(int64_t least);
CLI::Validator NumberFromZero();
CLI::Validator NumberAboveZero();

/// Blanks around a word are not meant: "--tasks 'a, b'" names a and b.
CLI::Validator Trimmed();

}  // namespace meap
