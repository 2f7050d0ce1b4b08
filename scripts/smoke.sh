#!/usr/bin/env bash
# Proves a deployed suite; see --help.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/smoke.sh [--project PROJECT] [WEBHOOK_URL STATUS_URL]

Proves that a suite works: sends a signed webhook for a source made up for it,
waits until its document can be read at the status API, and removes the document
again. Without URLs they come from terraform output.

  --project PROJECT  of the suite; default: that of terraform output

Environment:
  SMOKE_EVENTSUB_SECRET    the secret that webhooks are signed with; default: that in
                           Secret Manager, which needs gcloud
  SMOKE_TIMEOUT            seconds to wait for the document, default 60
  FIRESTORE_EMULATOR_HOST  remove the document there, not in the cloud

Against go run ./scripts/local, which keeps its documents in a file, the document
stays:
  SMOKE_EVENTSUB_SECRET=... scripts/smoke.sh --project local \
    http://127.0.0.1:8080/webhooks/twitch http://127.0.0.1:8080
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly terraform=$here/../terraform

fail() {
  printf 'smoke: %s\n' "$1" >&2
  exit 1
}

project='' urls=()
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --project)
      [[ $# -gt 1 ]] || { usage >&2 && exit 2; }
      project=$2 && shift
      ;;
    http://* | https://*) urls+=("${1%/}") ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done
[[ ${#urls[@]} -eq 0 || ${#urls[@]} -eq 2 ]] || { usage >&2 && exit 2; }
for tool in curl jq openssl; do
  command -v "$tool" >/dev/null || fail "$tool is not installed"
done

output() { terraform -chdir="$terraform" output -raw "$1" 2>/dev/null || fail "terraform has no output $1; is the suite deployed from here?"; }

if [[ ${#urls[@]} -eq 0 ]]; then
  webhook=$(output webhook_url)
  status=$(output status_url)
else
  webhook=${urls[0]} status=${urls[1]}
fi
if [[ -z $project ]]; then project=$(output project_id); fi
readonly webhook status project

secret=${SMOKE_EVENTSUB_SECRET:-}
if [[ -z $secret ]]; then
  command -v gcloud >/dev/null || fail 'gcloud is not installed; it reads the secret (or set SMOKE_EVENTSUB_SECRET)'
  secrets=$(terraform -chdir="$terraform" output -json secrets) || fail 'terraform has no output secrets; set SMOKE_EVENTSUB_SECRET'
  secret=$(gcloud secrets versions access "$(jq -r .eventsub.version <<<"$secrets")" \
    --secret "$(jq -r .eventsub.name <<<"$secrets")" --project "$project") ||
    fail 'the signing secret cannot be read; are you logged in (gcloud auth login), and allowed to?'
fi
secret=${secret%%,*} # the newest

work=$(mktemp -d)
chmod 700 "$work"
id=smoke-$(openssl rand -hex 8)
readonly work id
removed=true

# call ARGUMENTS... is curl; tokens come from a file, so that no list of processes
# shows them.
call() { curl --silent --show-error --max-time 20 "$@"; }

# bearer FILE TOKEN writes a configuration of curl.
bearer() { printf 'header = "Authorization: Bearer %s"\n' "$2" >"$1"; }

# remove takes away the document and what is under it.
remove() {
  local base collection name
  if [[ -n ${FIRESTORE_EMULATOR_HOST:-} ]]; then
    base=http://$FIRESTORE_EMULATOR_HOST
    bearer "$work/firestore" owner
  else
    base=https://firestore.googleapis.com
    bearer "$work/firestore" "$(gcloud auth print-access-token)"
  fi
  base+=/v1/projects/$project/databases/\(default\)/documents/sources/twitch:$id
  for collection in history streams viewers; do
    call --fail --config "$work/firestore" "$base/$collection?pageSize=300" | jq -r '.documents[]?.name | split("/") | last | @uri' |
      while read -r name; do
        call --fail --config "$work/firestore" --request DELETE --output /dev/null "$base/$collection/$name"
      done || return 1
  done
  call --fail --config "$work/firestore" --request DELETE --output /dev/null "$base" || return 1
}

finish() {
  local code=$?
  trap - EXIT INT TERM
  if [[ $removed == false && $project != local ]]; then
    if remove; then
      printf 'smoke: removed twitch:%s\n' "$id"
    else
      printf 'smoke: twitch:%s could not be removed; delete sources/twitch:%s by hand\n' "$id" "$id" >&2
      [[ $code -ne 0 ]] || code=1
    fi
  fi
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

# A private page wants an identity.
touch "$work/identity"
reachable() { call --config "$work/identity" --output /dev/null --write-out '%{http_code}' "$status/healthz"; }
code=$(reachable) || fail "the status API at $status cannot be reached"
if [[ $code == 401 || $code == 403 ]]; then
  token=$(gcloud auth print-identity-token 2>/dev/null) || fail "the status page is private and nobody is logged in; run: gcloud auth login"
  bearer "$work/identity" "$token"
  code=$(reachable) || true
fi
[[ $code == 200 ]] || fail "the status API at $status answers $code to /healthz; is it the right URL, and are you among status_viewers?"
printf 'smoke: the status API answers\n'

sha256() { openssl dgst -sha256 -r | cut -d' ' -f1; }
escaped() { sed 's/../\\x&/g'; }

# hmac KEY TEXT prints the HMAC-SHA256. openssl would do it, but takes the key as an
# argument, which lists of processes show.
hmac() {
  local key i byte inner='' outer=''
  if [[ ${#1} -gt 64 ]]; then
    key=$(printf '%s' "$1" | sha256)
  else
    key=$(printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n')
  fi
  for ((i = 0; i < 64; i++)); do
    byte=${key:2*i:2}
    byte=$((16#${byte:-00}))
    inner+=$(printf '\\x%02x' $((byte ^ 0x36)))
    outer+=$(printf '\\x%02x' $((byte ^ 0x5c)))
  done
  inner=$({ printf '%b' "$inner" && printf '%s' "$2"; } | sha256 | escaped)
  printf '%b' "$outer$inner" | sha256
}

# send SIGNATURE sends the webhook and prints the code of the answer.
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
body=$(jq -cn --arg id "$id" --arg now "$now" '{
  subscription: {type: "stream.online", version: "1", condition: {broadcaster_user_id: $id}},
  event: {id: ("stream-" + $id), broadcaster_user_id: $id, broadcaster_user_login: "smoke", broadcaster_user_name: "Smoke test",
          type: "live", started_at: $now}}')
signature=$(hmac "$secret" "$id$now$body")
send() {
  call --output /dev/null --write-out '%{http_code}' --data-raw "$body" \
    --header 'Content-Type: application/json' \
    --header 'Twitch-Eventsub-Message-Type: notification' \
    --header 'Twitch-Eventsub-Subscription-Type: stream.online' \
    --header "Twitch-Eventsub-Message-Id: $id" \
    --header "Twitch-Eventsub-Message-Timestamp: $now" \
    --header "Twitch-Eventsub-Message-Signature: sha256=$1" "$webhook"
}
code=$(send "$(hmac 'not-the-secret' "$id$now$body")") || fail "EventSub at $webhook cannot be reached"
[[ $code == 403 ]] || fail "EventSub answers $code to a wrong signature, and not 403"
removed=false
code=$(send "$signature")
case $code in
  204) printf 'smoke: EventSub took a signed webhook, and refused a forged one\n' ;;
  403) removed=true && fail 'EventSub refuses the signature (403): it has another secret' ;;
  *) fail "EventSub answers $code to a signed webhook, and not 204; see docs/playbooks/server-errors.md" ;;
esac

deadline=$((SECONDS + ${SMOKE_TIMEOUT:-60}))
until [[ $(call --config "$work/identity" "$status/api/sources/twitch:$id" 2>/dev/null | jq -r '.streamStatus // empty' 2>/dev/null) == ONLINE ]]; do
  [[ $SECONDS -lt $deadline ]] || fail "no document twitch:$id after ${SMOKE_TIMEOUT:-60} s; see docs/playbooks/oldest-unacked.md"
  sleep 1
done
printf 'smoke: the document twitch:%s is there and ONLINE\n' "$id"
