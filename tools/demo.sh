#!/usr/bin/env bash
# The main job on the embedded default: stories with facts to look up, a tokenizer, then the same recipe with NTP
# and with MEAP, and a table of both. usage: tools/demo.sh MEAP OUTPUT
set -euo pipefail
cd "$(dirname "$0")/.."
meap=$1 out=$2
rm -rf "$out"
mkdir -p "$out"
story=(--facts 4 --filler 1 --repeats 4 --quiet)

echo "1/4  data: English stories that state facts and ask for them later" >&2
$meap data synth --output "$out/train.jsonl" --documents 60000 --seed 1 "${story[@]}" \
  --probe "$out/probes.jsonl" --probes 500 > "$out/synth.json"
$meap data synth --output "$out/validation.jsonl" --documents 1000 --seed 2 "${story[@]}" > /dev/null
echo "2/4  tokenizer" >&2
$meap tokenizer train --output "$out/tokenizer" --vocab-size 1024 "$out/train.jsonl" --quiet > "$out/tokenizer.txt"
for objective in ntp meap; do
  echo "$([ $objective = ntp ] && echo 3 || echo 4)/4  training with $objective" >&2
  $meap pretrain recipes/demo.yaml objective.name=$objective output="$out/$objective" \
    tokenizer="$out/tokenizer" data.train="$out/train.jsonl" data.validation="$out/validation.jsonl" \
    data.cache="$out/cache" > "$out/$objective.json"
done
.venv/bin/python tools/demo_table.py "$meap" "$out"
$meap report "$out/ntp" "$out/meap" "$out" --output "$out/report.html" --title "NTP and MEAP on synthetic stories"
