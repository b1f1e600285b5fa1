#!/usr/bin/env bash
# The main job on the embedded default: stories with facts to look up, a tokenizer, the same recipe with NTP and with
# MEAP, what both retrieve, what masks do to their attention, and a report. usage: tools/demo.sh MEAP OUTPUT
set -euo pipefail
cd "$(dirname "$0")/.."
meap=$1 out=$2
rm -rf "$out"
mkdir -p "$out"
story=(--min-facts 1 --facts 3 --filler 0 --repeats 3 --words --quiet)

echo "1/6  data: English stories that state facts and ask for them later" >&2
$meap data synth --output "$out/train.jsonl" --documents 120000 --seed 1 "${story[@]}" \
  --probe "$out/probes.jsonl" --probes 1000 > "$out/synth.json"
$meap data synth --output "$out/validation.jsonl" --documents 1000 --seed 2 "${story[@]}" > /dev/null
echo "2/6  tokenizer" >&2
$meap tokenizer train --output "$out/tokenizer" --vocab-size 2048 "$out/train.jsonl" --quiet > "$out/tokenizer.txt"
for objective in ntp meap; do
  echo "$([ $objective = ntp ] && echo 3 || echo 4)/6  training with $objective" >&2
  $meap pretrain recipes/demo.yaml objective.name=$objective output="$out/$objective" \
    tokenizer="$out/tokenizer" data.train="$out/train.jsonl" data.validation="$out/validation.jsonl" \
    data.cache="$out/cache" > "$out/$objective.json"
done
models=(--model "$out/ntp/hf" --model "$out/meap/hf")
echo "5/6  facts looked up, by their number in the story and by depth" >&2
$meap eval "${models[@]}" --tasks retrieval --data "$out" --output "$out/retrieval.json" --samples "$out/samples.jsonl" \
  > /dev/null
echo "6/6  attention with and without masks" >&2
$meap attention decay "${models[@]}" --input "$out/validation.jsonl" --length 128 --ratio 0.15 --windows 64 \
  --output "$out/decay.json" > /dev/null
$meap attention profile "${models[@]}" --input "$out/validation.jsonl" --length 128 --windows 64 \
  --output "$out/profile.json" > /dev/null
$meap report "$out/ntp" "$out/meap" "$out" --output "$out/report.html" --title "NTP and MEAP on synthetic stories"
.venv/bin/python tools/demo_table.py "$meap" "$out"
