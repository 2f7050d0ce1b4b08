#!/usr/bin/env bash
# Starts the emulators; see --help.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/emulators.sh [--firestore PORT] [--pubsub PORT]

Starts the emulators of Firestore and Pub/Sub on 127.0.0.1 (ports 8681 and 8682
unless said otherwise), prints the environment that makes Google's libraries and
the scripts use them, and serves until Ctrl-C. One that runs there already is
left as it is, and used.

In another terminal:
  export FIRESTORE_EMULATOR_HOST=127.0.0.1:8681 PUBSUB_EMULATOR_HOST=127.0.0.1:8682
TEXT
}

fail() {
  printf 'emulators: %s\n' "$1" >&2
  exit 1
}

firestore=8681 pubsub=8682
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --firestore | --pubsub)
      [[ $# -gt 1 && $2 =~ ^[0-9]{1,5}$ ]] || { usage >&2 && exit 2; }
      declare "${1#--}=$2" && shift
      ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done
command -v gcloud >/dev/null || fail 'gcloud is not installed; see https://cloud.google.com/sdk/docs/install'

logs=$(mktemp -d)
readonly logs
started=()
stop() {
  local code=$? pid tries
  trap - EXIT INT TERM
  for pid in "${started[@]}"; do
    # Each leads a group: gcloud starts a program that starts another.
    kill -TERM -- "-$pid" 2>/dev/null || true
  done
  for pid in "${started[@]}"; do
    for ((tries = 0; tries < 50; tries++)); do
      kill -0 -- "-$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$logs"
  exit "$code"
}
trap stop EXIT
trap 'exit 0' INT TERM

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start NAME PORT COMMAND... starts an emulator unless something answers there.
start() {
  local name=$1 port=$2 pid tries=0
  shift 2
  if answers "$port"; then
    printf '# %s: 127.0.0.1:%s is in use, and taken for it\n' "$name" "$port"
    return
  fi
  set -m
  "$@" "--host-port=127.0.0.1:$port" </dev/null >"$logs/$name" 2>&1 &
  pid=$!
  set +m
  started+=("$pid")
  until answers "$port"; do
    if ! kill -0 "$pid" 2>/dev/null || [[ $tries -gt 600 ]]; then
      cat "$logs/$name" >&2
      fail "the $name emulator did not start; it needs Java, and: gcloud components install beta cloud-firestore-emulator pubsub-emulator"
    fi
    tries=$((tries + 1))
    sleep 0.1
  done
}

start firestore "$firestore" gcloud emulators firestore start --quiet
start pubsub "$pubsub" gcloud beta emulators pubsub start --project=emulated --quiet
printf 'export FIRESTORE_EMULATOR_HOST=127.0.0.1:%s\n' "$firestore"
printf 'export PUBSUB_EMULATOR_HOST=127.0.0.1:%s\n' "$pubsub"
if [[ ${#started[@]} -gt 0 ]]; then
  printf '# serving; Ctrl-C stops them\n'
  wait
fi
