#!/bin/sh
# Builds, tests and measures the CUDA library in one go, prints a table and writes benchmarks/results/cuda.json (`npm run bench:cuda`).
# Needs a GPU, and CMake with nvcc or a library and program that are built already (in build/, or named). Node adds the networks, Python with PyTorch and SpikingJelly the ratios;
# what is missing is left out and said.
#
#   sh benchmarks/cuda/run.sh                    measure
#   sh benchmarks/cuda/run.sh --sanitize         the checks alone, under NVIDIA's compute-sanitizer: memory, races, barriers; nothing is measured
#   sh benchmarks/cuda/run.sh --trial FILE       on the emulated device, in tiny sizes: shows that everything works, its figures mean nothing
#
# Environment: SPIKESHIP_CUDA_LIBRARY (a built spikeship_cuda.so), SPIKESHIP_DEVICE_CHECK (the built program), PYTHON (with PyTorch).
# Exit status: 0 measured and every check passed, 1 something failed, 2 it could not be built or was called wrongly,
# 3 no CUDA device: nothing measured.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work="$root/build/bench-cuda"
# The whole of it, building included, is meant to take less than 8 minutes; measuring gets what building leaves.
total_seconds=460
least_seconds=150
no_device=3

say() { printf '%s\n' "$*" >&2; }
stop() { status=$1; shift; say "bench:cuda: $*"; exit "$status"; }

trial=
sanitize=
result="$root/benchmarks/results/cuda.json"
case "${1-}" in
  '') ;;
  --sanitize) sanitize=yes ;;
  --trial) trial=yes; result=${2-}; [ -n "$result" ] || stop 2 'expected --trial FILE, where the result goes' ;;
  *) stop 2 "expected nothing, --sanitize or --trial FILE, got $1" ;;
esac

began=$(date +%s)
elapsed() { echo $(($(date +%s) - began)); }
# Seconds for a part, given its share in percent of what is left.
seconds_for() {
  left=$((total_seconds - $(elapsed)))
  [ "$left" -gt "$least_seconds" ] || left=$least_seconds
  # a trial has no time to keep, and may run on a slow machine
  [ -z "$trial" ] || left=$((10 * total_seconds))
  echo $((left * $1 / 100))
}

# --- is there anything to measure? ----------------------------------------------------------------------------------------
gpu_there() {
  nvidia-smi -L >/dev/null 2>&1 || [ -e /dev/nvidia0 ] || [ -e /dev/dxg ]
}
[ -n "$trial" ] || gpu_there || stop $no_device 'no CUDA device: nothing measured'

# --- build ----------------------------------------------------------------------------------------------------------------
# where a toolkit lies whose programs nobody put on the path
PATH="$PATH:${CUDA_HOME:-/usr/local/cuda}/bin"
mkdir -p "$work"
rm -f "$work"/*.json
node_there() { command -v node >/dev/null 2>&1 && [ -d "$root/node_modules" ]; }
kind=cuda
[ -z "$trial" ] || kind=emulated
library=${SPIKESHIP_CUDA_LIBRARY-}
check=${SPIKESHIP_DEVICE_CHECK-}

can_build() {
  command -v cmake >/dev/null 2>&1 && { [ -n "$trial" ] || command -v nvcc >/dev/null 2>&1; }
}
# What another machine built and this one was given.
carried() {
  [ -n "$library" ] || [ ! -e "$root/build/spikeship_$kind.so" ] || library=$root/build/spikeship_$kind.so
  [ -n "$check" ] || [ ! -x "$root/build/spikeship_device_check" ] || check=$root/build/spikeship_device_check
}

build() {
  with_cuda=OFF with_emulation=OFF targets=spikeship_device_check
  if [ -z "$library" ]; then
    targets="spikeship_$kind $targets"
    if [ -n "$trial" ]; then with_emulation=ON; else with_cuda=ON; fi
  fi
  # the folder and generator that set-up uses, so that nothing is built twice
  folder="$root/build/cmake-$kind"
  generator=
  ! command -v ninja >/dev/null 2>&1 || generator='-G Ninja'
  # shellcheck disable=SC2086 # lists of words
  configure() {
    cmake -S "$root/src/kernels/native/device" -B "$folder" $generator -DSPIKESHIP_CUDA=$with_cuda -DSPIKESHIP_EMULATED=$with_emulation
  }
  say "building $targets"
  # shellcheck disable=SC2086
  { { configure || { rm -rf "$folder" && configure; }; } &&
    cmake --build "$folder" --parallel "$(nproc)" --target $targets; } >"$work/build.log" 2>&1 ||
    { tail -n 20 "$work/build.log" >&2; stop 2 "the build failed, see $work/build.log"; }
  library=${library:-$folder/spikeship_$kind.so}
  check=${check:-$folder/spikeship_device_check}
}
can_build || carried
if [ -z "$library" ] || [ -z "$check" ]; then
  [ -n "$library" ] || can_build || stop 2 'building needs CMake and nvcc; or give SPIKESHIP_CUDA_LIBRARY and SPIKESHIP_DEVICE_CHECK'
  command -v cmake >/dev/null 2>&1 || stop 2 'building the program that checks needs CMake, or give SPIKESHIP_DEVICE_CHECK'
  build
fi
build_seconds=$(elapsed)

# --- sanitize -------------------------------------------------------------------------------------------------------------
# sanitized TOOL SHARE [OPTION]...
sanitized() {
  tool=$1 seconds=$(seconds_for "$2")
  shift 2
  say "$tool, at most $seconds s"
  timeout "$seconds" compute-sanitizer --tool "$tool" "$@" --error-exitcode 1 --print-limit 20 "$check" "$library" >"$work/$tool.txt" 2>&1
  ended=$?
  grep -E '^=========|^FAILED|^ended in|passed, ' "$work/$tool.txt" | tail -n 30 >&2
  [ $ended -ne 124 ] || say "$tool: stopped, the time was over; what came before holds"
  return $ended
}
if [ -n "$sanitize" ]; then
  command -v compute-sanitizer >/dev/null 2>&1 || stop 2 'compute-sanitizer is not there; it is part of the CUDA toolkit'
  status=0
  # a refusal of memory is one of the checks
  sanitized memcheck 50 --report-api-errors no || status=1
  sanitized racecheck 60 || status=1
  sanitized synccheck 90 || status=1
  exit $status
fi

# --- test -----------------------------------------------------------------------------------------------------------------
timeout "$(seconds_for 40)" "$check" "$library" >"$work/checks.txt" 2>&1
status=$?
[ $status -ne $no_device ] || stop $no_device 'no CUDA device: nothing measured'
counts=$(tail -n 1 "$work/checks.txt")
case "$counts" in
  *' passed, '*' failed') ;;
  *) tail -n 5 "$work/checks.txt" >&2; counts='0 passed, 1 failed' ;;
esac
passed=${counts%% *}
failed=${counts##*, }
failed=${failed%% *}
say "checks: $counts"
if [ "$failed" != 0 ]; then
  grep '^FAILED' "$work/checks.txt" | head -n 20 >&2
  say "see $work/checks.txt: figures of kernels that are wrong mean nothing"
fi

# --- measure --------------------------------------------------------------------------------------------------------------
failures=0
# part FILE COMMAND...: what a part measured before it failed is kept.
part() {
  file=$1
  shift
  if "$@" && [ -s "$file" ]; then return 0; fi
  say "$(basename "$file" .json): not measured completely"
  failures=$((failures + 1))
  [ -s "$file" ] || echo null >"$file"
}

mode=bench
[ -z "$trial" ] || mode=trial
timeout "$(seconds_for 40)" "$check" "$library" "$mode" "$work/kernels.json" || stop 1 'the kernels could not be measured'

# The core is brought up to date; the device library is the one that was checked.
networks() {
  { [ -n "${SPIKESHIP_CORE-}" ] || SETUP="$root/scripts/setup.mjs" node -e 'import(process.env.SETUP).then((it) => it.setup())' >&2; } &&
    SPIKESHIP_DEVICE_LIBRARY=$library timeout "$(seconds_for 50)" \
      node "$root/scripts/run-ts.mjs" "$here/networks.ts" --out "$work/networks.json" ${trial:+--trial}
}
if node_there; then
  part "$work/networks.json" networks
else
  say 'networks: not measured, they need Node and `npm ci`'
  echo null >"$work/networks.json"
fi

python=${PYTHON:-python3}
peer() {
  "$python" "$root/benchmarks/peers/run_spikingjelly_cuda.py" --out "$work/peer.json" --budget "$(seconds_for 80)" \
    ${trial:+--tiny --device cpu} >"$work/peer.txt"
}
if "$python" -c 'import torch, spikingjelly' >/dev/null 2>&1; then
  part "$work/peer.json" peer
else
  say 'SpikingJelly: not measured, set PYTHON to a Python with PyTorch and SpikingJelly'
  echo null >"$work/peer.json"
fi

# --- write ----------------------------------------------------------------------------------------------------------------
{
  printf '{\n"kind": "%s",\n"date": "%s",\n' "$kind" "$(date -u +%F)"
  printf '"seconds": %s,\n"buildSeconds": %s,\n' "$(elapsed)" "$build_seconds"
  printf '"checks": {"passed": %s, "failed": %s},\n' "$passed" "$failed"
  printf '"kernels": '; cat "$work/kernels.json"
  printf ',\n"networks": '; cat "$work/networks.json"
  printf ',\n"peer": '; cat "$work/peer.json"
  printf '}\n'
} >"$work/result.json"
if command -v "$python" >/dev/null 2>&1; then
  "$python" "$here/summary.py" "$work/result.json" || stop 1 "$work/result.json is not as expected; nothing written"
fi
cp "$work/result.json" "$result.new" && mv "$result.new" "$result" || stop 1 "$result cannot be written"
say "written: $result ($(elapsed) s)"
[ "$failed" = 0 ] && [ $failures = 0 ]
