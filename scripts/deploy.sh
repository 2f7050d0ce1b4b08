#!/usr/bin/env bash
# Deploys the suite; see --help.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/deploy.sh [--plan] [--yes] [--no-smoke]

Deploys the suite into a Google Cloud project, or brings what is deployed up to
date: checks tools, login and project, asks for what is missing, runs terraform
apply, and proves the result with scripts/smoke.sh.

  --plan      show what would change, and change nothing
  --yes       apply without showing the plan and asking first
  --no-smoke  do not run the smoke test

Settings are those of terraform/terraform.tfvars (see terraform.tfvars.example).
Secrets come from the environment, else from a prompt, never from the command
line:
  TF_VAR_twitch_client_secret      of the Twitch app
  TF_VAR_twitch_user_tokens        '[{"userId":"555","accessToken":"..."}]', optional
  TF_VAR_twitch_eventsub_secrets   '["..."]', optional; one is drawn otherwise
Those of the state of Terraform come from TF_CLI_ARGS_init, for example
"-backend-config=bucket=my-state".

Safe to run again: what is there already stays, and what was interrupted goes on.
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly terraform=$here/../terraform

fail() {
  printf 'deploy: %s\n' "$1" >&2
  exit 1
}

need() { # need TOOL WHERE
  command -v "$1" >/dev/null || fail "$1 is not installed; see $2"
}

plan_only=false yes=false smoke=true
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --plan) plan_only=true ;;
    --yes) yes=true ;;
    --no-smoke) smoke=false ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done

trap 'printf "\ndeploy: interrupted; run it again to go on\n" >&2; exit 130' INT TERM

need gcloud https://cloud.google.com/sdk/docs/install
need terraform https://developer.hashicorp.com/terraform/install
if [[ $smoke == true && $plan_only == false ]]; then
  need curl https://curl.se
  need jq https://jqlang.org
  need openssl https://openssl.org
fi

version=$(terraform version -json | tr -d ' \n' | sed -n 's/.*"terraform_version":"\([0-9.]*\).*/\1/p')
if [[ $(printf '1.11.0\n%s\n' "$version" | sort -V | head -1) != 1.11.0 ]]; then
  fail "terraform is $version; 1.11 or newer is needed, which keeps secrets out of the state"
fi

account=$(gcloud auth list --filter=status:ACTIVE --format='value(account)' 2>/dev/null || true)
[[ -n $account ]] || fail 'nobody is logged in; run: gcloud auth login'
gcloud auth application-default print-access-token >/dev/null 2>&1 ||
  fail 'Terraform has no credentials; run: gcloud auth application-default login'

# setting NAME prints the value of a setting of terraform.tfvars, or nothing.
setting() {
  [[ -f $terraform/terraform.tfvars ]] || return 0
  sed -n "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*\"\([^\"]*\)\".*/\1/p" "$terraform/terraform.tfvars" | tail -1
}

# ask NAME PROMPT exports TF_VAR_NAME unless it is set or in terraform.tfvars.
ask() {
  local variable=TF_VAR_$1 value=
  [[ -z ${!variable:-} && -z $(setting "$1") ]] || return 0
  [[ -t 0 ]] || fail "$1 is missing: set it in terraform/terraform.tfvars or as $variable"
  read -rp "$2: " value
  [[ -n $value ]] || fail "$1 is needed"
  export "$variable=$value"
}

ask project_id 'Google Cloud project id'
ask twitch_client_id 'Client ID of the Twitch app'
if [[ -z ${TF_VAR_twitch_client_secret:-} ]]; then
  [[ -t 0 ]] || fail 'the secret of the Twitch app is missing: set TF_VAR_twitch_client_secret'
  read -rsp 'Client Secret of the Twitch app (not shown): ' TF_VAR_twitch_client_secret
  printf '\n'
fi
export TF_VAR_twitch_client_secret
# Whoever gives secrets does not want one drawn.
if [[ -n ${TF_VAR_twitch_eventsub_secrets:-} && ${TF_VAR_twitch_eventsub_secrets// /} != '[]' ]]; then
  export TF_VAR_draw_eventsub_secret=false
fi

project=$(setting project_id)
project=${TF_VAR_project_id:-$project}
# The file wins over the environment in Terraform.
if [[ -n $(setting project_id) ]]; then project=$(setting project_id); fi
gcloud projects describe "$project" --format='value(projectId)' >/dev/null 2>&1 ||
  fail "there is no project \"$project\" that $account may see; check project_id, or create it"
billing=$(gcloud billing projects describe "$project" --format='value(billingEnabled)' 2>/dev/null || true)
if [[ ${billing,,} == false ]]; then
  fail "project $project has no billing; enable it at https://console.cloud.google.com/billing/linkedaccount?project=$project"
fi
printf 'deploy: %s into project %s\n' "$account" "$project"

# Terraform turns on the other APIs by these.
gcloud services enable serviceusage.googleapis.com cloudresourcemanager.googleapis.com --project "$project" --quiet

terraform -chdir="$terraform" init -input=false
# A checkout that is new must not go back behind the secrets that are in force.
if [[ ! -e $terraform/secrets.auto.tfvars.json ]] && command -v jq >/dev/null; then
  deployed=$(terraform -chdir="$terraform" output -json secrets 2>/dev/null | jq -c 'map_values(.revision) | select(any(. > 1))' 2>/dev/null || true)
  if [[ -n $deployed ]]; then
    jq -n --argjson revisions "$deployed" '{secret_revisions: $revisions}' >"$terraform/secrets.auto.tfvars.json"
  fi
fi
if [[ $plan_only == true ]]; then
  exec terraform -chdir="$terraform" plan -input=false
fi
apply=(terraform -chdir="$terraform" apply)
if [[ $yes == true ]]; then apply+=(-input=false -auto-approve); fi
# In a project that is new, some rights and metrics take a minute to be seen
# everywhere. A second apply goes on where the first one stopped.
if ! "${apply[@]}"; then
  printf 'deploy: the apply failed; once more in %s s, which is enough for what was only slow\n' "${DEPLOY_PAUSE:-60}" >&2
  sleep "${DEPLOY_PAUSE:-60}"
  "${apply[@]}"
fi

if [[ $smoke == true ]]; then
  "$here/smoke.sh" --project "$project" \
    "$(terraform -chdir="$terraform" output -raw webhook_url)" \
    "$(terraform -chdir="$terraform" output -raw status_url)"
fi
printf '\nNext:\n'
terraform -chdir="$terraform" output -raw next_steps
