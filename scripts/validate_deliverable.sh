#!/usr/bin/env bash
# Checks that what is handed over is whole; see --help.
#
# Checks are called through check, which shellcheck cannot see.
# shellcheck disable=SC2317
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/validate_deliverable.sh [--only CHECK] [DIRECTORY]

Checks that the repository (or a copy of it in DIRECTORY) is whole: every file that
a deployment needs is there and formatted, and code, Terraform, scripts and
documentation say the same. Prints a line for each check, and ends with 1 when one
fails. It changes nothing, and needs Go, Terraform and nothing from outside. With
--only it makes one of the checks, which are named as they are printed.
TEXT
}

only='' directory=''
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --only)
      [[ $# -gt 1 ]] || { usage >&2 && exit 2; }
      only=$2 && shift
      ;;
    -*) usage >&2 && exit 2 ;;
    *) directory=$1 ;;
  esac
  shift
done
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "${directory:-$here/..}"

failed=0 made=0
# check NAME FUNCTION prints how a check went. A check prints what is wrong.
check() {
  local wrong
  [[ -z $only || $only == "$1" ]] || return 0
  made=$((made + 1))
  wrong=$("$2" 2>&1) || wrong+=" (the check itself failed)"
  if [[ -z $wrong ]]; then
    printf 'ok    %s\n' "$1"
  else
    printf 'FAIL  %s: %s\n' "$1" "$(tr '\n' ';' <<<"$wrong" | sed 's/;$//; s/;/; /g')"
    failed=1
  fi
}

# functions prints "directory target" for each function that Terraform deploys.
functions() { sed -n '/^  functions = {/,/^  }/s/^ *\([a-z]*\) *= "\([A-Za-z]*\)"$/\1 \2/p' terraform/build.tf; }

# code DIRECTORY... prints the Go files there that are no tests.
code() { find "$@" -name '*.go' ! -name '*_test.go' | sort; }

texts() { find README.md docs -name '*.md' | sort; }

files() {
  local file
  for file in README.md LICENSE go.mod go.sum .gitignore \
    terraform/{terraform,main,variables,outputs,build,bus,push,secrets,firestore,monitoring,dashboard}.tf \
    terraform/{function.go.tftpl,terraform.tfvars.example} terraform/tests/{suite,variables}.tftest.hcl \
    scripts/{deploy,smoke,redrive,rotate-secret,emulators,validate_deliverable,destroy}.sh \
    docs/{operations,cost,scale}.md; do
    [[ -s $file ]] || printf '%s is missing\n' "$file"
  done
  functions | while read -r name _; do
    [[ -s terraform/service_$name.tf ]] || printf 'terraform/service_%s.tf is missing\n' "$name"
  done
}

go_format() { gofmt -l functions shared scripts | sed 's/$/ is not formatted/'; }

terraform_format() {
  command -v terraform >/dev/null || { printf 'terraform is not installed\n' && return; }
  # It tells of its own settings on standard error.
  terraform fmt -check -recursive terraform 2>/dev/null | sed 's/$/ is not formatted/' || true
}

shell_scripts() {
  local file
  for file in scripts/*.sh; do
    [[ -x $file ]] || printf '%s is not executable\n' "$file"
    grep -qx 'set -euo pipefail' "$file" || printf '%s goes on after errors\n' "$file"
    grep -q -- '--help)' "$file" || printf '%s has no --help\n' "$file"
    bash -n "$file" || true
  done
}

entry_points() {
  local name target registered
  functions | grep -q . || printf 'terraform/build.tf names no functions\n'
  functions | while read -r name target; do
    [[ -f functions/$name/function.go ]] || { printf 'functions/%s does not exist\n' "$name" && continue; }
    registered=$(registered_by "$name")
    [[ $registered == "$target" ]] || printf 'functions/%s registers %s and not %s\n' "$name" "${registered:-nothing}" "$target"
  done
  for name in functions/*/function.go; do
    name=$(basename "$(dirname "$name")")
    functions | grep -q "^$name " || printf 'functions/%s is not deployed\n' "$name"
  done
}

# registered_by NAME prints the target that a function registers, by itself or by
# a constant.
registered_by() {
  local argument
  argument=$(sed -nE 's/.*functions\.(HTTP|CloudEvent)\(("?[A-Za-z]+"?),.*/\2/p' "functions/$1/function.go" | head -1)
  if [[ $argument == '"'* ]]; then
    tr -d '"' <<<"$argument"
  else
    sed -nE "s/^(const )?[[:space:]]*$argument = \"([A-Za-z]+)\".*/\2/p" "functions/$1/function.go" | head -1
  fi
}

# set_by NAME prints the environment that Terraform gives a function.
set_by() {
  sed -n '/environment_variables/,$p' "terraform/service_$1.tf" |
    grep -oE '^ +[A-Z][A-Z0-9_]+ +=|"[A-Z][A-Z0-9]*_[A-Z0-9_]+"' | tr -d ' ="' | grep -vE '^ALLOW_' | sort -u
}

# read_by NAME prints the environment that a function reads.
read_by() { code "functions/$1" | xargs grep -hoE '[gG]etenv\("[A-Z0-9_]+"\)' | sed 's/.*"\(.*\)".*/\1/' | sort -u; }

environment() {
  local name missing
  functions | while read -r name _; do
    missing=$(comm -23 <(set_by "$name") <(read_by "$name") | tr '\n' ' ')
    [[ -z $missing ]] || printf '%s is given %sand does not read it\n' "$name" "$missing"
    # What stands in for Twitch is for tests.
    missing=$(comm -13 <(set_by "$name") <(read_by "$name") | grep -vxE 'TWITCH_(API|AUTH)_URL' | tr '\n' ' ')
    [[ -z $missing ]] || printf '%s reads %sand is not given it\n' "$name" "$missing"
  done
}

environment_documented() {
  local name variable
  functions | while read -r name _; do
    read_by "$name"
  done | sort -u | while read -r variable; do
    grep -q "\`$variable\`" README.md || printf 'README.md does not say what %s is\n' "$variable"
  done
}

topics() {
  local topic
  sed -nE 's/^[[:space:]]+[A-Z][A-Za-z]+ += "(internal\.[a-z.0-9]+)"/\1/p' shared/bus/bus.go | grep . | while read -r topic; do
    grep -qF "\${var.bus_prefix}$topic\"" terraform/main.tf || printf 'terraform makes no topic %s\n' "$topic"
  done
}

routes() {
  local route
  # What lies below a page is loaded by the page itself.
  code functions/status | xargs grep -hoE '(HandleFunc\(|pattern: )"/[^"]*"' | sed -E 's/.*"([^"]*)"/\1/; s/\{\$\}$//' |
    grep -v '^/sources/{id}/' | sort -u | while read -r route; do
    # A parameter may be called otherwise, and carry an ending.
    grep -qE "\`$(sed -E 's/[.$]/\\&/g; s/\{[a-z]+\}/\\{[a-z]+\\}/g' <<<"$route")[\`?.]" README.md || printf 'README.md does not mention %s\n' "$route"
  done
}

commands() {
  local path
  texts | xargs grep -hoE '(\./)?scripts/[A-Za-z0-9_-]+(\.sh)?' | sed 's|^\./||' | sort -u | while read -r path; do
    [[ -e $path ]] || printf '%s is documented and does not exist\n' "$path"
  done
}

links() {
  local file target
  texts | while read -r file; do
    grep -oE '\]\([^)#: ]+' "$file" | sed 's/^](//' | sort -u | while read -r target; do
      [[ -e $(dirname "$file")/$target ]] || printf '%s links to %s, which does not exist\n' "$file" "$target"
    done || true
  done
}

variables() {
  local name
  awk '/^variable "/ { name = $2 } /^  description *= "..*"$/ { described[name] = 1 } /^}/ && name { if (!described[name]) print name " has no description"; name = "" }' \
    terraform/variables.tf
  sed -nE 's/^(# )?([a-z_]+) += .*/\2/p' terraform/terraform.tfvars.example | while read -r name; do
    grep -q "^variable \"$name\"" terraform/variables.tf || printf 'terraform.tfvars.example sets %s, which is no variable\n' "$name"
  done
}

playbooks() {
  local name
  grep -ohE 'playbooks\}/[a-z-]+\.md' terraform/monitoring.tf | sed 's|.*/||' | sort -u | while read -r name; do
    [[ -f docs/playbooks/$name ]] || { printf 'docs/playbooks/%s is missing\n' "$name" && continue; }
    # Cloud Monitoring takes no more, and replaces what stands in such braces.
    [[ $(wc -c <"docs/playbooks/$name") -le 8192 ]] || printf 'docs/playbooks/%s is longer than 8 KiB\n' "$name"
    ! grep -qF "\${" "docs/playbooks/$name" || printf 'docs/playbooks/%s has a variable in it\n' "$name"
    grep -q '^1\. ' "docs/playbooks/$name" || printf 'docs/playbooks/%s has no numbered steps\n' "$name"
  done
  for name in docs/playbooks/*.md; do
    grep -qF "$(basename "$name")" terraform/monitoring.tf || printf 'no alert leads to %s\n' "$name"
  done
  [[ $(grep -c '^resource "google_monitoring_alert_policy"' terraform/monitoring.tf) -eq $(grep -c 'content *= file(' terraform/monitoring.tf) ]] ||
    printf 'an alert has no playbook\n'
}

ignored() {
  local pattern
  for pattern in .terraform/ .terraform.lock.hcl terraform/build/ '*.tfstate*' '*.tfvars' '*.tfvars.json'; do
    grep -qxF "$pattern" .gitignore || printf '.gitignore does not have %s\n' "$pattern"
  done
}

check 'every file is there' files
check 'Go is formatted' go_format
check 'Terraform is formatted' terraform_format
check 'scripts are whole' shell_scripts
check 'entry points are registered' entry_points
check 'functions read the environment that they are given' environment
check 'the environment is documented' environment_documented
check 'topics exist' topics
check 'routes are documented' routes
check 'documented commands exist' commands
check 'links lead somewhere' links
check 'variables are described' variables
check 'alerts have playbooks' playbooks
check 'build output and secrets stay out of git' ignored
if [[ $made -eq 0 ]]; then
  printf 'there is no check "%s"\n' "$only" >&2
  exit 2
fi
exit "$failed"
