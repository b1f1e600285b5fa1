#!/usr/bin/env bash
# Fails when a C++ file is not as clang-format would write it.
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files '*.h' '*.cpp' '*.cu' '*.cuh' | xargs clang-format --dry-run --Werror
echo "format: as .clang-format says"
