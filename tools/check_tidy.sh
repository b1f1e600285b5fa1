#!/usr/bin/env bash
# clang-tidy on the C++ files that changed since a base commit (default: the one before), or on all (--all).
# usage: tools/check_tidy.sh BUILD [--all | BASE]
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
base=${2:-HEAD~1}
if [ "$base" = --all ]; then
  files=$(git ls-files 'src/*.cpp' 'apps/*.cpp')
elif git rev-parse -q --verify "$base" > /dev/null; then
  files=$(git diff --name-only --diff-filter=d "$base" -- 'src/*.cpp' 'apps/*.cpp')
else
  files=
fi
[ -n "$files" ] || { echo "tidy: no changed files"; exit 0; }
# The compile commands name gcc's precompiled header, which clang cannot read, and OpenMP, whose omp.h it lacks.
mkdir -p "$build/tidy"
sed -E 's/-include [^ ]*cmake_pch\.hxx//g; s/-Winvalid-pch//g; s/-fpch-preprocess//g; s/-fopenmp//g' \
  "$build/compile_commands.json" > "$build/tidy/compile_commands.json"
printf '%s\n' $files | xargs -P "$(nproc)" -n 1 clang-tidy -p "$build/tidy" --quiet \
  --extra-arg=-Wno-unknown-warning-option 2> /dev/null
echo "tidy: clean"
