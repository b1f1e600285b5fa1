#!/usr/bin/env bash
# Everything a bare machine needs: Debian packages (installed where we may, else the line to run) and a
# project-local virtual environment with torch. Quick when nothing is missing. --tests and --fuzz add what only they need.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(build-essential cmake ninja-build ccache mold libcli11-dev libyaml-cpp-dev nlohmann-json3-dev
  libsimdjson-dev libfmt-dev libpcre2-dev libutf8proc-dev libsentencepiece-dev libzstd-dev zlib1g-dev
  libxxhash-dev libhwy-dev libcpp-httplib-dev libssl-dev libjemalloc-dev libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev
  python3-venv zstd)
case "${1:-}" in
  --tests) packages+=(clang-format clang-tidy) ;;
  --fuzz) packages+=(clang-14 libclang-rt-14-dev) ;;
esac

# The report's tests drive a browser; on a machine of one's own they skip without it, since it is large.
if [ "${1:-}" = --tests ] && [ "${CI:-}" = true ]; then packages+=(chromium chromium-driver); fi

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  root=()
  [ "$(id -u)" = 0 ] || root=(sudo -n)
  install="apt-get install -y --no-install-recommends ${missing[*]}"
  echo "installing: ${missing[*]}" >&2
  if ! { "${root[@]}" apt-get update -qq && DEBIAN_FRONTEND=noninteractive "${root[@]}" $install -qq; } >&2; then
    echo "meap cannot install packages here. Run this line, then make again:" >&2
    echo "  sudo apt-get update && sudo $install" >&2
    exit 1
  fi
fi

# torch, unless the user names one (make MEAP_TORCH=...); 2.13.0 is the release that everything is tested with.
venv() {
  .venv/bin/pip install --quiet --disable-pip-version-check "$@" 2> >(grep -v 'is ignored' >&2)
}
has() { .venv/bin/python -c "import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in sys.argv[1:]))" "$@" 2>/dev/null; }
[ -x .venv/bin/python ] || python3 -m venv .venv
[ "${1:-}" != --tests ] || has pyarrow || venv pyarrow  # Parquet
if [ -z "${MEAP_TORCH:-}" ] || [ "${1:-}" = --tests ]; then
  has torch numpy || venv torch==2.13.0 numpy
fi
has plotly || venv plotly  # its plotly.min.js is built into `meap report`
if [ "${1:-}" = --tests ]; then
  has pytest transformers tokenizers safetensors tensorboard sentencepiece ||
    venv pytest "transformers==5.2.0" tokenizers safetensors tensorboard sentencepiece
fi
