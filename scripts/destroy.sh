#!/usr/bin/env bash
# Takes a deployed suite away; see --help.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/destroy.sh [--with-documents]

Destroys what terraform has deployed, after the project id was typed. Documents
in Firestore stay, unless --with-documents says otherwise; APIs stay enabled.
Twitch drops its subscriptions by itself when nobody answers any more.
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly terraform=$here/../terraform

fail() {
  printf 'destroy: %s\n' "$1" >&2
  exit 1
}

documents=false
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --with-documents) documents=true ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done
trap 'printf "\ndestroy: interrupted; run it again to go on\n" >&2; exit 130' INT TERM

command -v terraform >/dev/null || fail 'terraform is not installed; see https://developer.hashicorp.com/terraform/install'
terraform -chdir="$terraform" init -input=false >/dev/null
if [[ -z $(terraform -chdir="$terraform" state list 2>/dev/null) ]]; then
  printf 'destroy: nothing is deployed from here\n'
  exit 0
fi
# An interrupted destroy has taken the outputs already.
project=$(terraform -chdir="$terraform" output -raw project_id 2>/dev/null || true)
if [[ ! $project =~ ^[a-z][a-z0-9-]+$ ]]; then
  project=$(sed -n 's/^[[:space:]]*project_id[[:space:]]*=[[:space:]]*"\([^"]*\)".*/\1/p' "$terraform/terraform.tfvars" 2>/dev/null | tail -1)
  project=${project:-${TF_VAR_project_id:-}}
fi
[[ -n $project ]] || fail 'the project is not known: set TF_VAR_project_id'

printf 'This destroys the suite in project %s' "$project"
if [[ $documents == true ]]; then printf ', and ALL documents of its default Firestore database'; fi
printf '.\nType the project id to go on: '
read -r typed || typed=
[[ $typed == "$project" ]] || fail 'not confirmed; nothing was changed'

# Terraform wants a value for what it requires; a destroy writes none of them.
export TF_VAR_project_id=$project
export TF_VAR_twitch_client_id=${TF_VAR_twitch_client_id:-00000000000000000000000000000}
export TF_VAR_twitch_client_secret=${TF_VAR_twitch_client_secret:-00000000000000000000000000000}
arguments=(-input=false -auto-approve)
if [[ $documents == true ]]; then
  arguments+=(-var=firestore_delete_protection=false)
  # Its protection must be off before it can go.
  terraform -chdir="$terraform" apply "${arguments[@]}" -target=google_firestore_database.documents
fi
terraform -chdir="$terraform" destroy "${arguments[@]}"
printf 'destroy: done\n'
