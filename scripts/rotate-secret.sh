#!/usr/bin/env bash
# Replaces the secret that webhooks are signed with; see --help.
set -euo pipefail
export LC_ALL=C # characters are bytes

usage() {
  cat <<'TEXT'
Usage: scripts/rotate-secret.sh [--grace SECONDS] [--status]

Replaces the secret that Twitch signs webhooks with, while webhooks go on:

  1. adds a new secret before the old one; both are accepted then
  2. deletes subscriptions made with the old one, some at a time, and has the
     heartbeat create them again with the new one
  3. waits for what was signed before (--grace, default 600), and drops the old one

Interrupted at any point, it goes on there when run again. --status says where it
stands and changes nothing.

The new secret is drawn, unless ROTATE_NEW_SECRET holds one (10 to 100 ASCII
characters without spaces and commas). The rest comes from Secret Manager.
Between its deletion and the next tick a subscription is missing for some seconds;
polls cover what happens meanwhile.
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly terraform=$here/../terraform
readonly revisions=$terraform/secrets.auto.tfvars.json
readonly some=200 # subscriptions at a time

fail() {
  printf 'rotate-secret: %s\n' "$1" >&2
  exit 1
}
say() { printf 'rotate-secret: %s\n' "$1"; }

grace=600 status_only=false
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --status) status_only=true ;;
    --grace)
      [[ $# -gt 1 && $2 =~ ^[0-9]+$ ]] || { usage >&2 && exit 2; }
      grace=$2 && shift
      ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done

for tool in curl gcloud jq openssl terraform; do
  command -v "$tool" >/dev/null || fail "$tool is not installed"
done
[[ -n $(gcloud auth list --filter=status:ACTIVE --format='value(account)' 2>/dev/null) ]] ||
  fail 'nobody is logged in; run: gcloud auth login'

work=$(mktemp -d)
chmod 700 "$work"
readonly work
trap 'rm -rf "$work"' EXIT
trap 'printf "\nrotate-secret: interrupted; run it again to go on\n" >&2; exit 130' INT TERM

# look reads what is deployed.
look() {
  outputs=$(terraform -chdir="$terraform" output -json) || fail 'terraform has no outputs; is the suite deployed from here?'
  project=$(jq -er .project_id.value <<<"$outputs") || fail 'nothing is deployed from here'
  version=$(jq -r .secrets.value.eventsub.version <<<"$outputs")
  secret_name=$(jq -r .secrets.value.eventsub.name <<<"$outputs")
  secrets=$(gcloud secrets versions access "$version" --secret "$secret_name" --project "$project") ||
    fail "version $version of $secret_name cannot be read"
  # What is deployed is what the file must say, or the next apply would go back.
  if [[ $status_only == false ]]; then
    jq '{secret_revisions: (.secrets.value | map_values(.revision))}' <<<"$outputs" >"$revisions.new"
    mv "$revisions.new" "$revisions"
  fi
}

# store SECRETS makes a comma-separated list the secrets in force.
store() {
  local next
  next=$(jq -c '.secrets.value | map_values(.revision) | .eventsub += 1' <<<"$outputs")
  TF_VAR_twitch_eventsub_secrets=$(jq -cR 'split(",")' <<<"$1")
  TF_VAR_twitch_client_secret=$client_secret
  export TF_VAR_twitch_eventsub_secrets TF_VAR_twitch_client_secret TF_VAR_draw_eventsub_secret=false
  export TF_VAR_project_id=$project TF_VAR_twitch_client_id=$client_id
  terraform -chdir="$terraform" apply -input=false -auto-approve "-var=secret_revisions=$next"
  look
}

# helix METHOD PATH prints the answer of Twitch.
helix() {
  curl --silent --show-error --fail --max-time 30 --config "$work/helix" --request "$1" "${TWITCH_API_URL:-https://api.twitch.tv/helix}/$2"
}

log_in() {
  local token
  # Neither the secret nor the token is an argument of curl.
  token=$(jq -nr --arg id "$client_id" --arg secret "$client_secret" \
    '"client_id=\($id|@uri)&client_secret=\($secret|@uri)&grant_type=client_credentials"' |
    curl --silent --show-error --fail --max-time 30 --data-binary @- "${TWITCH_AUTH_URL:-https://id.twitch.tv}/oauth2/token" |
    jq -er .access_token) || fail 'Twitch refuses the client id and secret'
  printf 'header = "Authorization: Bearer %s"\nheader = "Client-Id: %s"\n' "$token" "$client_id" >"$work/helix"
}

# subscriptions prints ours, one line of JSON each.
subscriptions() {
  local after='' page
  while :; do
    page=$(helix GET "eventsub/subscriptions?first=100${after:+&after=$after}") || return 1
    jq -c --arg callback "$callback" '.data[] | select(.transport.callback == $callback)' <<<"$page"
    after=$(jq -r '.pagination.cursor // "" | @uri' <<<"$page")
    [[ -n $after ]] || return 0
  done
}

# old prints the ids of those that were made before the newest secret. Times are of
# one form up to the second, and compare as texts.
old() {
  jq -r --arg since "${since:0:19}" 'select(.created_at[:19] < $since) | .id' "$work/subscriptions"
}

# settle COUNT waits until there are more than that, all verified, and no more come.
settle() {
  local tries now last=-1
  for ((tries = 0; tries < 60; tries++)); do
    subscriptions >"$work/subscriptions" || fail 'subscriptions cannot be listed'
    now=$(wc -l <"$work/subscriptions")
    if [[ $now -gt $1 && $now -eq $last ]] && ! grep -q webhook_callback_verification_pending "$work/subscriptions"; then
      return
    fi
    last=$now
    sleep "${ROTATE_PAUSE:-5}"
  done
  fail 'the heartbeat does not create them again; see docs/playbooks/heartbeat-failing.md, then run this again'
}

# recreate replaces the old subscriptions.
recreate() {
  local id ids
  since=$(gcloud secrets versions describe "$version" --secret "$secret_name" --project "$project" --format='value(createTime)')
  [[ $since =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T ]] || fail "the time of version $version cannot be read"
  while :; do
    subscriptions >"$work/subscriptions" || fail 'subscriptions cannot be listed'
    mapfile -t ids < <(old | head -n "$some")
    [[ ${#ids[@]} -gt 0 ]] || break
    say "replacing ${#ids[@]} of $(old | wc -l) subscriptions that have the old secret"
    for id in "${ids[@]}"; do
      helix DELETE "eventsub/subscriptions?id=$id" >/dev/null || fail 'a subscription cannot be deleted'
    done
    gcloud scheduler jobs run "$job" --location "$region" --project "$project" >/dev/null
    settle "$(($(wc -l <"$work/subscriptions") - ${#ids[@]}))"
  done
}

look
client_id=$(jq -r .twitch_client_id.value <<<"$outputs")
callback=$(jq -r .webhook_url.value <<<"$outputs")
job=$(jq -r .scheduler_job.value <<<"$outputs")
region=$(jq -r .region.value <<<"$outputs")
client_secret=$(gcloud secrets versions access "$(jq -r .secrets.value.client_secret.version <<<"$outputs")" \
  --secret "$(jq -r .secrets.value.client_secret.name <<<"$outputs")" --project "$project") || fail "the secret of the Twitch app cannot be read"

if [[ $status_only == true ]]; then
  if [[ $secrets == *,* ]]; then
    say "a rotation is under way: version $version holds the new secret and the old one"
  else
    say "version $version holds one secret; no rotation is under way"
  fi
  exit 0
fi

if [[ $secrets == *,* ]]; then
  say 'going on with the rotation that is under way'
else
  new=${ROTATE_NEW_SECRET:-$(openssl rand -hex 24)}
  [[ $new =~ ^[[:graph:]]{10,100}$ && $new != *,* ]] || fail 'ROTATE_NEW_SECRET must have 10 to 100 ASCII characters without spaces and commas'
  say 'adding a new secret beside the old one'
  store "$new,$secrets"
fi
log_in
recreate
if [[ $grace -gt 0 ]]; then
  say "all subscriptions have the new secret; waiting $grace s for what was signed before"
  sleep "$grace"
fi
say 'dropping the old secret'
store "${secrets%%,*}"
say 'done'
