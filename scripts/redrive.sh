#!/usr/bin/env bash
# Looks at dead letters and sends them back; see --help.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/redrive.sh list
       scripts/redrive.sh show ID
       scripts/redrive.sh send [--undated] ID... | --all
       scripts/redrive.sh drop ID...

Lists what lies in the dead-letter subscription, shows one letter whole, sends
letters back to the topic they came from, or drops them for good.

A letter is either an envelope of a function, with the whole original in it, or an
original that Pub/Sub could not deliver. Both go back as they were; to send one
twice does no harm. What EventSub refused is a webhook and no event: it is shown
and dropped, but cannot be sent back. An event without a time of its own would
count as new, so it goes back only with --undated.

  --project PROJECT       default: that of terraform output
  --subscription NAME     default: that of terraform output
  --ingress TOPIC         where to; default: that of terraform output
  PUBSUB_EMULATOR_HOST    use the emulator there, without a login
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly terraform=$here/../terraform

fail() {
  printf 'redrive: %s\n' "$1" >&2
  exit 1
}

project='' subscription='' ingress='' verb='' all=false undated=false ids=()
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --project | --subscription | --ingress)
      [[ $# -gt 1 ]] || { usage >&2 && exit 2; }
      declare "${1#--}=$2" && shift
      ;;
    --all) all=true ;;
    --undated) undated=true ;;
    -*) usage >&2 && exit 2 ;;
    *) if [[ -z $verb ]]; then verb=$1; else ids+=("$1"); fi ;;
  esac
  shift
done
case $verb:${#ids[@]}:$all in
  list:0:false | show:1:false | send:0:true) ;;
  send:[1-9]*:false | drop:[1-9]*:false) ;;
  *) usage >&2 && exit 2 ;;
esac
for tool in curl jq; do
  command -v "$tool" >/dev/null || fail "$tool is not installed"
done

output() { terraform -chdir="$terraform" output -json 2>/dev/null | jq -er "$1" || fail 'terraform has no such output; is the suite deployed from here? Else say --project, --subscription and --ingress'; }
if [[ -z $project ]]; then project=$(output .project_id.value); fi
if [[ -z $subscription ]]; then subscription=$(output .dead_letter_subscription.value); fi
if [[ $verb == send && -z $ingress ]]; then ingress=$(output .topics.value.ingress); fi

work=$(mktemp -d)
chmod 700 "$work"
readonly work
if [[ -n ${PUBSUB_EMULATOR_HOST:-} ]]; then
  base=http://$PUBSUB_EMULATOR_HOST/v1/projects/$project
  touch "$work/token"
else
  command -v gcloud >/dev/null || fail 'gcloud is not installed; see https://cloud.google.com/sdk/docs/install'
  base=https://pubsub.googleapis.com/v1/projects/$project
  token=$(gcloud auth print-access-token 2>/dev/null) || fail 'nobody is logged in; run: gcloud auth login'
  # In a file, because lists of processes show arguments.
  printf 'header = "Authorization: Bearer %s"\n' "$token" >"$work/token"
fi
readonly base

# call PATH sends standard input, JSON, and prints the answer.
call() {
  curl --silent --show-error --fail-with-body --max-time 60 --config "$work/token" \
    --header 'Content-Type: application/json' --data-binary @- "$base/$1" || fail "Pub/Sub refused ${1##*:}"
}

# Whatever was looked at goes back, so that the next look finds it at once.
release() {
  local code=$?
  trap - EXIT INT TERM
  if [[ -s $work/letters ]]; then
    jq -cs '[.[].ackId] | _nwise(500) | {ackIds: ., ackDeadlineSeconds: 0}' "$work/letters" | while read -r batch; do
      (call "subscriptions/$subscription:modifyAckDeadline" <<<"$batch" >/dev/null) || true
    done
  fi
  rm -rf "$work"
  exit "$code"
}
trap release EXIT
trap 'exit 130' INT TERM

# read_letters puts each letter as one line of JSON into a file: what it is, its
# original, and where that came from.
read_letters() {
  local answer tries=0
  : >"$work/letters"
  # An empty answer may come although there are some.
  while [[ $tries -lt 3 && $(wc -l <"$work/letters") -lt 5000 ]]; do
    answer=$(call "subscriptions/$subscription:pull" <<<'{"maxMessages": 500, "returnImmediately": true}')
    if [[ $(jq '.receivedMessages | length' <<<"$answer") -eq 0 ]]; then
      tries=$((tries + 1))
      continue
    fi
    jq -c '.receivedMessages[] | .message as $m | ($m.data // "" | @base64d) as $text | ($text | try fromjson catch null) as $body
      | {ackId, id: $m.messageId, at: $m.publishTime}
      + if ($body | type) == "object" and $body.type == "router.deadletter.v1" and ($body.payload.original? | type) == "string" then
          {kind: "envelope", reason: $body.payload.reason, type: $body.payload.originalType, by: $body.payload.lastStepId,
           error: $body.payload.error.message?, original: ($body.payload.original | @base64d | fromjson)}
        else
          {kind: "undelivered", reason: "undelivered", type: ($m.attributes.type // $body.type?), by: $m.attributes.CloudPubSubDeadLetterSourceSubscription,
           error: ("after " + ($m.attributes.CloudPubSubDeadLetterSourceDeliveryCount // "many") + " attempts"),
           original: {data: $m.data, messageId: $m.messageId,
             publishTime: ($m.attributes.CloudPubSubDeadLetterSourceTopicPublishTime // $m.publishTime),
             attributes: ($m.attributes // {} | with_entries(select(.key | startswith("CloudPubSubDeadLetterSource") | not)))}}
        end
      | . as $letter | (.original.data // "" | @base64d | try fromjson catch null) as $event
      | .dated = ([$event.payload?.observedAt?, $event.externalEvent?.metadata?.observedAt?, $event.externalEvent?.createdAt?,
                   $event.ingress?.ingressAt?, $event.timestamp?] | any(. != null))
      | .event = $event' <<<"$answer" >>"$work/letters"
  done
}

# chosen prints the letters that are meant.
chosen() {
  if [[ $all == true ]]; then
    cat "$work/letters"
    return
  fi
  local id
  for id in "${ids[@]}"; do
    jq -cs --arg id "$id" 'map(select(.id == $id)) | .[0] // empty' "$work/letters" | grep . || fail "there is no dead letter $id; see: $0 list"
  done
}

# acknowledge LETTER takes it out of the subscription.
acknowledge() { jq -c '{ackIds: [.ackId]}' <<<"$1" | call "subscriptions/$subscription:acknowledge" >/dev/null; }

read_letters
case $verb in
  list)
    if [[ ! -s $work/letters ]]; then
      printf 'no dead letters\n'
      exit 0
    fi
    jq -r '[.id, .at, .reason, .type // "-", .by // "-", .error // ""] | map(tostring | gsub("[\t\n]"; " ")) | @tsv' "$work/letters"
    ;;
  show) chosen | jq 'del(.ackId)' ;;
  drop)
    letters=$(chosen)
    while read -r letter; do
      acknowledge "$letter"
      printf 'dropped %s\n' "$(jq -r .id <<<"$letter")"
    done <<<"$letters"
    ;;
  send)
    letters=$(chosen)
    [[ -n $letters ]] || { printf 'no dead letters\n' && exit 0; }
    kept=0
    while read -r letter; do
      id=$(jq -r .id <<<"$letter")
      if [[ $(jq -r '.kind == "envelope" and .by == "eventsub"' <<<"$letter") == true ]]; then
        printf 'kept %s: a webhook that EventSub refused is no event\n' "$id"
        kept=$((kept + 1))
        continue
      fi
      if [[ $undated == false && $(jq -r .dated <<<"$letter") == false ]]; then
        printf 'kept %s: it has no time of its own, and would count as new; --undated sends it all the same\n' "$id"
        kept=$((kept + 1))
        continue
      fi
      # Published first: an interruption in between leaves it in both places.
      jq -c '{messages: [.original | {data: (.data // ""), attributes: (.attributes // {})}]}' <<<"$letter" |
        call "topics/$ingress:publish" >/dev/null
      acknowledge "$letter"
      printf 'sent %s\n' "$id"
    done <<<"$letters"
    [[ $kept -eq 0 ]] || fail "$kept were kept"
    ;;
esac
