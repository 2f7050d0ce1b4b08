package deploytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// whole is a copy of what is handed over.
func whole(t *testing.T) string {
	t.Helper()
	return checkout(t, "functions", "shared", "scripts", "terraform", "docs", "README.md", "LICENSE", "go.mod", "go.sum", ".gitignore")
}

func validate(t *testing.T, args ...string) result {
	t.Helper()
	return run(t, exec.Command(filepath.Join(root(t), "scripts", "validate_deliverable.sh"), args...))
}

func TestValidateScript(t *testing.T) {
	need(t, "terraform", "gofmt")
	if r := validate(t, whole(t)); r.code != 0 {
		t.Errorf("what is handed over is not whole:\n%s%s", r.stdout, r.stderr)
	}
	if r := validate(t, "--only", "all is well"); r.code != 2 {
		t.Errorf("a check that is none ended with %d", r.code)
	}
	replace := func(file, old, new string) func(*testing.T, string) {
		return func(t *testing.T, directory string) {
			t.Helper()
			path := filepath.Join(directory, file)
			before := read(t, path)
			if !strings.Contains(before, old) {
				t.Fatalf("%s has no %q to break", file, old)
			}
			write(t, path, strings.Replace(before, old, new, 1))
		}
	}
	add := func(file, text string) func(*testing.T, string) {
		return func(t *testing.T, directory string) {
			t.Helper()
			path := filepath.Join(directory, file)
			before, _ := os.ReadFile(path)
			write(t, path, string(before)+text)
		}
	}
	remove := func(file string) func(*testing.T, string) {
		return func(t *testing.T, directory string) {
			t.Helper()
			if err := os.Remove(filepath.Join(directory, file)); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := []struct {
		check  string
		broken func(*testing.T, string)
		says   string
	}{
		{"every file is there", remove("terraform/bus.tf"), "terraform/bus.tf is missing"},
		{"Go is formatted", add("shared/lazy/lazy.go", "\nvar  x  int\n"), "shared/lazy/lazy.go"},
		{"Terraform is formatted", add("terraform/bus.tf", "\nlocals {\nx=1\n}\n"), "bus.tf"},
		{"scripts are whole", replace("scripts/deploy.sh", "set -euo pipefail", "set -e"), "goes on after errors"},
		{"entry points are registered", replace("functions/eventsub/function.go", `"EventSub"`, `"Eventsub"`), "registers Eventsub"},
		{"entry points are registered", add("functions/other/function.go", "package other\n"), "functions/other is not deployed"},
		{"functions read the environment that they are given", replace("terraform/service_status.tf", "STATUS_REDACT ", "STATUS_HIDE "), "STATUS_HIDE"},
		{"functions read the environment that they are given", add("functions/persistence/config.go", "\nvar _ = func(getenv func(string) string) string { return getenv(\"NEW_SETTING\") }\n"), "NEW_SETTING"},
		{"the environment is documented", replace("README.md", "`STATUS_REDACT`", "`STATUS_HIDE`"), "STATUS_REDACT"},
		{"topics exist", replace("shared/bus/bus.go", `"internal.deadletter.v1"`, `"internal.deadletter.v2"`), "internal.deadletter.v2"},
		{"routes are documented", add("functions/status/extra.go", "package status\n\nvar _ = route{pattern: \"/extra\"}\n"), "/extra"},
		{"documented commands exist", add("docs/operations.md", "\nRun scripts/absent.sh.\n"), "scripts/absent.sh"},
		{"links lead somewhere", add("docs/operations.md", "\n[nowhere](nowhere.md)\n"), "nowhere.md"},
		{"variables are described", add("terraform/variables.tf", "\nvariable \"extra\" {\n  type = string\n}\n"), "extra"},
		{"variables are described", add("terraform/terraform.tfvars.example", "\nabsent = 1\n"), "absent"},
		{"alerts have playbooks", remove("docs/playbooks/dead-letters.md"), "dead-letters.md is missing"},
		{"alerts have playbooks", add("docs/playbooks/dead-letters.md", strings.Repeat("long ", 2000)), "8 KiB"},
		{"build output and secrets stay out of git", replace(".gitignore", "terraform/build/", "build/"), "terraform/build/"},
	}
	for _, test := range tests {
		t.Run("fails when broken: "+test.check, func(t *testing.T) {
			t.Parallel()
			directory := whole(t)
			test.broken(t, directory)
			r := validate(t, "--only", test.check, directory)
			want := "FAIL  " + test.check + ": "
			found := false
			for line := range strings.Lines(r.stdout) {
				found = found || strings.HasPrefix(line, want) && strings.Contains(line, test.says)
			}
			if r.code != 1 || !found {
				t.Errorf("it ended with %d:\n%s%s", r.code, r.stdout, r.stderr)
			}
		})
	}
}
