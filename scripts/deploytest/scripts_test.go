package deploytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// basics are the programs that scripts take for granted.
var basics = []string{
	"awk", "basename", "bash", "cat", "chmod", "cmp", "cut", "date", "dirname", "find", "grep", "head", "mktemp", "mv", "od", "rm", "sed",
	"sleep", "sort", "tail", "touch", "tr", "wc", "xargs",
}

// A stage is a copy of the scripts with programs of our choice, whose calls are
// noted.
type stage struct {
	t    *testing.T
	root string
	bin  string
	home string
	env  []string
}

// newStage has the basics and the other programs named, but neither gcloud nor
// terraform.
func newStage(t *testing.T, programs ...string) *stage {
	t.Helper()
	s := &stage{t: t, root: checkout(t, "scripts/deploy.sh", "scripts/smoke.sh", "scripts/redrive.sh", "scripts/rotate-secret.sh",
		"scripts/emulators.sh", "scripts/destroy.sh"), bin: t.TempDir(), home: t.TempDir()}
	if err := os.Mkdir(filepath.Join(s.root, "terraform"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, program := range append(append([]string{}, basics...), programs...) {
		need(t, program)
		path, _ := exec.LookPath(program)
		if err := os.Symlink(path, filepath.Join(s.bin, program)); err != nil {
			t.Fatal(err)
		}
	}
	s.env = []string{"PATH=" + s.bin, "HOME=" + s.home, "DIR=" + s.home, "DEPLOY_PAUSE=0", "ROTATE_PAUSE=0"}
	return s
}

// fake puts a program of bash in place. It notes its arguments, and works in $DIR.
func (s *stage) fake(name, body string) {
	s.t.Helper()
	path := filepath.Join(s.bin, name)
	_ = os.Remove(path)
	script := "#!" + filepath.Join(s.bin, "bash") + "\nset -eu\nprintf '%s\\n' \"" + name + ` $*" >>"$DIR/calls"` + "\n" + body + "\n"
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		s.t.Fatal(err)
	}
}

// calls are the calls of fakes until now.
func (s *stage) calls() string {
	content, _ := os.ReadFile(filepath.Join(s.home, "calls"))
	return string(content)
}

func (s *stage) command(script string, args ...string) *exec.Cmd {
	command := exec.Command(filepath.Join(s.root, "scripts", script), args...)
	command.Env = s.env
	return command
}

func (s *stage) run(script string, args ...string) result {
	s.t.Helper()
	return run(s.t, s.command(script, args...))
}

// gcloud and terraform as they are when all is well.
const (
	goodGcloud = `case "$*" in
  "auth list"*) echo operator@example.com ;;
  "auth application-default"*) echo token ;;
  "projects describe"*) echo p ;;
  "billing projects describe"*) echo True ;;
esac`
	goodTerraform = `case "$*" in
  "version -json") echo '{ "terraform_version": "1.11.4" }' ;;
  *"output -raw next_steps") echo "1. Prove it" ;;
  *" apply"*) printenv TF_VAR_twitch_client_secret >"$DIR/secret" ;;
esac`
)

func TestDeployScript(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name              string
		gcloud, terraform string // "": not installed
		env               []string
		args              []string
		code              int
		says              string
		applies           int
	}{
		{name: "without gcloud", terraform: goodTerraform, code: 1, says: "gcloud is not installed"},
		{name: "without terraform", gcloud: goodGcloud, code: 1, says: "terraform is not installed"},
		{
			name: "with a terraform that would put secrets into the state", gcloud: goodGcloud,
			terraform: `echo '{"terraform_version": "1.9.8"}'`, code: 1, says: "1.11 or newer",
		},
		{name: "without a login", gcloud: `true`, terraform: goodTerraform, code: 1, says: "gcloud auth login"},
		{
			name: "without credentials for Terraform", terraform: goodTerraform, code: 1, says: "gcloud auth application-default login",
			gcloud: `case "$*" in "auth list"*) echo me ;; *) exit 1 ;; esac`,
		},
		{
			name: "with a project that is not there", terraform: goodTerraform, code: 1, says: `no project "my-bots-prod"`,
			gcloud: `case "$*" in "auth "*) echo me ;; *) exit 1 ;; esac`,
		},
		{
			name: "with a project without billing", terraform: goodTerraform, code: 1, says: "has no billing",
			gcloud: `case "$*" in billing*) echo False ;; *) echo ok ;; esac`,
		},
		{
			name: "without the secret of the app and without a terminal", gcloud: goodGcloud, terraform: goodTerraform,
			env: []string{"TF_VAR_twitch_client_secret="}, code: 1, says: "TF_VAR_twitch_client_secret",
		},
		{name: "with an unknown flag", gcloud: goodGcloud, terraform: goodTerraform, args: []string{"--fast"}, code: 2, says: "Usage"},
		{name: "as a plan", gcloud: goodGcloud, terraform: goodTerraform, args: []string{"--plan"}},
		{
			name: "into a new project", gcloud: goodGcloud, terraform: goodTerraform,
			args: []string{"--yes", "--no-smoke"}, says: "1. Prove it", applies: 1,
		},
		{
			name: "where rights take a minute to be seen", gcloud: goodGcloud, args: []string{"--yes", "--no-smoke"}, says: "once more", applies: 2,
			terraform: goodTerraform + "\ncase \"$*\" in *\" apply\"*) [[ -e $DIR/before ]] || { touch $DIR/before; exit 1; } ;; esac",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "curl", "jq", "openssl", "printenv")
			if test.gcloud != "" {
				s.fake("gcloud", test.gcloud)
			}
			if test.terraform != "" {
				s.fake("terraform", test.terraform)
			}
			s.env = append(s.env, "TF_VAR_project_id=my-bots-prod", "TF_VAR_twitch_client_id="+testClientID, "TF_VAR_twitch_client_secret="+canaryClient)
			s.env = append(s.env, test.env...)
			for again := range 2 { // it is safe to run twice
				if again == 1 && test.code != 0 {
					break
				}
				r := s.run("deploy.sh", test.args...)
				if r.code != test.code || again == 0 && !strings.Contains(r.stdout+r.stderr, test.says) {
					t.Fatalf("it ended with %d, saying\n%s%s", r.code, r.stdout, r.stderr)
				}
				if again == 0 && strings.Count(s.calls(), " apply") != test.applies {
					t.Errorf("it did\n%s", s.calls())
				}
			}
			if strings.Contains(s.calls(), canaryClient) {
				t.Errorf("a secret is on a command line:\n%s", s.calls())
			}
			if test.applies > 0 && strings.TrimSpace(read(t, filepath.Join(s.home, "secret"))) != canaryClient {
				t.Error("Terraform did not get the secret")
			}
		})
	}
}

func TestDeployScriptInterrupted(t *testing.T) {
	t.Parallel()
	s := newStage(t, "curl", "jq", "openssl", "printenv", "kill")
	s.fake("gcloud", goodGcloud)
	s.fake("terraform", goodTerraform+`
case "$*" in *" apply"*) [[ -e $DIR/before ]] || { touch $DIR/before; kill -INT $PPID; exit 1; } ;; esac`)
	s.env = append(s.env, "TF_VAR_project_id=my-bots-prod", "TF_VAR_twitch_client_id="+testClientID, "TF_VAR_twitch_client_secret="+canaryClient)
	r := s.run("deploy.sh", "--yes", "--no-smoke")
	if r.code != 130 || !strings.Contains(r.stderr, "run it again to go on") || strings.Count(s.calls(), " apply") != 1 {
		t.Fatalf("it ended with %d, saying\n%s\nhaving done\n%s", r.code, r.stderr, s.calls())
	}
	if r := s.run("deploy.sh", "--yes", "--no-smoke"); r.code != 0 {
		t.Errorf("the second time it ended with %d: %s", r.code, r.stderr)
	}
}

func TestDeployScriptKeepsRevisions(t *testing.T) {
	t.Parallel()
	s := newStage(t, "curl", "jq", "openssl", "printenv")
	s.fake("gcloud", goodGcloud)
	s.fake("terraform", goodTerraform+`
case "$*" in *"output -json secrets") echo '{"eventsub":{"revision":3},"client_secret":{"revision":1}}' ;; esac`)
	s.env = append(s.env, "TF_VAR_project_id=my-bots-prod", "TF_VAR_twitch_client_id="+testClientID, "TF_VAR_twitch_client_secret="+canaryClient)
	if r := s.run("deploy.sh", "--yes", "--no-smoke"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	if got := read(t, filepath.Join(s.root, "terraform", "secrets.auto.tfvars.json")); !strings.Contains(got, `"eventsub": 3`) {
		t.Errorf("a new checkout goes back behind the secret in force: %s", got)
	}
}

func TestDestroyScript(t *testing.T) {
	t.Parallel()
	const deployed = `case "$*" in
  *"state list") cat "$DIR/state" 2>/dev/null || true ;;
  *"output -raw project_id") printf my-bots-prod ;;
  *" destroy "*) rm "$DIR/state" ;;
esac`
	tests := []struct {
		name, typed string
		args        []string
		code        int
		says        string
		destroys    bool
		documents   bool
	}{
		{name: "is confirmed by the project id", typed: "my-bots-prod\n", says: "done", destroys: true},
		{name: "takes the documents along when told to", typed: "my-bots-prod\n", args: []string{"--with-documents"}, says: "ALL documents", destroys: true, documents: true},
		{name: "is not confirmed by yes", typed: "yes\n", code: 1, says: "nothing was changed"},
		{name: "is not confirmed by silence", code: 1, says: "nothing was changed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.fake("terraform", deployed)
			write(t, filepath.Join(s.home, "state"), "google_project_service.api\n")
			command := s.command("destroy.sh", test.args...)
			command.Stdin = strings.NewReader(test.typed)
			r := run(t, command)
			if r.code != test.code || !strings.Contains(r.stdout+r.stderr, test.says) {
				t.Errorf("it ended with %d, saying\n%s%s", r.code, r.stdout, r.stderr)
			}
			if got := strings.Contains(s.calls(), " destroy "); got != test.destroys {
				t.Errorf("it did\n%s", s.calls())
			}
			if got := strings.Contains(s.calls(), "firestore_delete_protection=false"); got != test.documents {
				t.Errorf("it did\n%s", s.calls())
			}
			if test.destroys {
				if r := s.run("destroy.sh"); r.code != 0 || !strings.Contains(r.stdout, "nothing is deployed") {
					t.Errorf("the second time it ended with %d, saying %s%s", r.code, r.stdout, r.stderr)
				}
			}
		})
	}
}

func TestEmulatorsScript(t *testing.T) {
	t.Parallel()
	t.Run("says what is missing", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		if r := s.run("emulators.sh"); r.code != 1 || !strings.Contains(r.stderr, "gcloud is not installed") {
			t.Errorf("it ended with %d, saying %s", r.code, r.stderr)
		}
	})
	t.Run("shows why an emulator did not start", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.fake("gcloud", "echo no Java >&2; exit 1")
		r := s.run("emulators.sh", "--firestore", "1", "--pubsub", "2")
		if r.code != 1 || !strings.Contains(r.stderr, "no Java") {
			t.Errorf("it ended with %d, saying %s", r.code, r.stderr)
		}
	})
	t.Run("prints the environment, and stops what it started", func(t *testing.T) {
		t.Parallel()
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		s := newStage(t)
		s.fake("gcloud", `for argument; do case $argument in --host-port=*) export `+listenVariable+`=${argument#*=} ;; esac; done
"$SELF"`)
		s.env = append(s.env, "SELF="+self)
		one, two := unused(t), unused(t)
		command := s.command("emulators.sh", "--firestore", one, "--pubsub", two)
		output, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		var printed strings.Builder
		buffer := make([]byte, 4096)
		for !strings.Contains(printed.String(), "Ctrl-C") {
			n, err := output.Read(buffer)
			printed.Write(buffer[:n])
			if err != nil {
				t.Fatalf("it ended, having printed %s", &printed)
			}
		}
		for _, want := range []string{"export FIRESTORE_EMULATOR_HOST=127.0.0.1:" + one, "export PUBSUB_EMULATOR_HOST=127.0.0.1:" + two} {
			if !strings.Contains(printed.String(), want) {
				t.Errorf("it printed %s", &printed)
			}
		}
		if r := s.run("emulators.sh", "--firestore", one, "--pubsub", two); r.code != 0 || !strings.Contains(r.stdout, "is in use") {
			t.Errorf("the second time it ended with %d, saying %s%s", r.code, r.stdout, r.stderr)
		}
		if err := command.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if err := command.Wait(); err != nil {
			t.Errorf("it ended with %v", err)
		}
		for _, port := range []string{one, two} {
			if listens("127.0.0.1:" + port) {
				t.Errorf("somebody still listens at %s", port)
			}
		}
	})
}

func TestScriptsHelp(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob(filepath.Join(root(t), "scripts", "*.sh"))
	if err != nil || len(scripts) < 7 {
		t.Fatalf("scripts: %v, %v", scripts, err)
	}
	for _, script := range scripts {
		t.Run(filepath.Base(script), func(t *testing.T) {
			t.Parallel()
			if r := run(t, exec.Command(script, "--help")); r.code != 0 || !strings.HasPrefix(r.stdout, "Usage: scripts/"+filepath.Base(script)) {
				t.Errorf("--help ended with %d: %s%s", r.code, r.stdout, r.stderr)
			}
			if r := run(t, exec.Command(script, "--no-such-flag")); r.code != 2 || !strings.Contains(r.stderr, "Usage") {
				t.Errorf("an unknown flag ended with %d: %s", r.code, r.stderr)
			}
		})
	}
}
