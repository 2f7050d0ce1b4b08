package deploytest

import (
	"archive/zip"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Secrets that must turn up nowhere.
const (
	canaryClient   = "canary00client00secret00000000"
	canaryNewest   = "canary-eventsub-newest"
	canaryOlder    = "canary-eventsub-older"
	canaryToken    = "canary-user-token"
	testProject    = "test-project-1"
	testClientID   = "0123456789abcdefghijklmnopqrst"
	broadcasterRun = "bots.example.run.app"
)

var canaries = []string{canaryClient, canaryNewest, canaryOlder, canaryToken}

// A terraform is a copy of the configuration that can be applied: the providers
// are stand-ins that talk to nobody.
type terraform struct {
	t    testing.TB
	root string
	env  []string
	logs strings.Builder // all that was printed
}

// standIns prepares a copy, or skips the test where there are no stand-ins. Should
// the providers be Google's after all, they find no credentials and no network.
func standIns(t testing.TB) *terraform {
	t.Helper()
	need(t, "terraform")
	if _, err := os.Stat(os.Getenv("TF_CLI_CONFIG_FILE")); err != nil {
		t.Skip("TF_CLI_CONFIG_FILE names no stand-ins for the providers of Terraform")
	}
	tf := &terraform{t: t, root: checkout(t, "terraform", "functions", "shared", "docs", "go.mod", "go.sum")}
	tf.env = append(os.Environ(),
		"HTTPS_PROXY=http://127.0.0.1:1", "GOOGLE_OAUTH_ACCESS_TOKEN=none", "TF_IN_AUTOMATION=1",
		"TF_VAR_project_id="+testProject, "TF_VAR_twitch_client_id="+testClientID,
		"TF_VAR_twitch_client_secret="+canaryClient,
		"TF_VAR_draw_eventsub_secret=false",
		`TF_VAR_twitch_eventsub_secrets=["`+canaryNewest+`","`+canaryOlder+`"]`,
		`TF_VAR_twitch_user_tokens=[{"userId":"555","accessToken":"`+canaryToken+`"}]`,
		"TF_VAR_bus_prefix=dev.", "TF_VAR_twitch_bot_user_id=555", `TF_VAR_twitch_broadcasters=["examplechan","1337"]`,
		`TF_VAR_connectors=[{"name":"bots","url":"https://`+broadcasterRun+`/_debug/connectors","audience":"https://`+broadcasterRun+
			`","timeout":"3s","run_service":{"name":"bots","region":"us-central1"}}]`,
	)
	tf.run("init", "-backend=false", "-input=false", "-no-color")
	return tf
}

// run runs a command that must succeed and gives what it printed.
func (tf *terraform) run(args ...string) string {
	tf.t.Helper()
	r := tf.try(args...)
	if r.code != 0 {
		tf.t.Fatalf("terraform %s ended with %d:\n%s%s", args[0], r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

func (tf *terraform) try(args ...string) result {
	tf.t.Helper()
	command := exec.Command("terraform", args...)
	command.Dir, command.Env = filepath.Join(tf.root, "terraform"), tf.env
	r := run(tf.t, command)
	tf.logs.WriteString(r.stdout + r.stderr)
	return r
}

// A resource is one of the state.
type resource struct {
	Address string
	Type    string
	Name    string
	Index   any
	Values  map[string]any
}

func (r resource) text(name string) string {
	text, _ := r.Values[name].(string)
	return text
}

// block is the first block of a name.
func (r resource) block(name string) resource {
	blocks, _ := r.Values[name].([]any)
	if len(blocks) == 0 {
		return resource{}
	}
	values, _ := blocks[0].(map[string]any)
	return resource{Values: values}
}

// state is what is deployed.
func (tf *terraform) state() []resource {
	tf.t.Helper()
	var shown struct {
		Values struct {
			RootModule struct{ Resources []resource } `json:"root_module"`
		}
	}
	if err := json.Unmarshal([]byte(tf.run("show", "-json")), &shown); err != nil {
		tf.t.Fatal(err)
	}
	return shown.Values.RootModule.Resources
}

// changes are the addresses of what a plan changes.
func (tf *terraform) changes() []string {
	tf.t.Helper()
	plan := filepath.Join(tf.t.TempDir(), "plan")
	tf.run("plan", "-input=false", "-no-color", "-out="+plan)
	var shown struct {
		Changes []struct {
			Address string
			Mode    string
			Change  struct{ Actions []string }
		} `json:"resource_changes"`
	}
	printed := tf.run("show", "-json", plan)
	for _, canary := range canaries {
		if strings.Contains(printed, canary) {
			tf.t.Errorf("a secret is in a plan: %s", canary)
		}
	}
	searchZip(tf.t, plan)
	if err := json.Unmarshal([]byte(printed), &shown); err != nil {
		tf.t.Fatal(err)
	}
	var changed []string
	for _, c := range shown.Changes {
		if c.Mode == "managed" && !slices.Equal(c.Change.Actions, []string{"no-op"}) {
			changed = append(changed, c.Address)
		}
	}
	slices.Sort(changed)
	return changed
}

// searchZip searches each file of a plan or an archive for secrets.
func searchZip(t testing.TB, path string) {
	t.Helper()
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	for _, file := range archive.File {
		content := readZipped(t, file)
		for _, canary := range canaries {
			if strings.Contains(content, canary) {
				t.Errorf("a secret is in %s of %s: %s", file.Name, filepath.Base(path), canary)
			}
		}
	}
}

func readZipped(t testing.TB, file *zip.File) string {
	t.Helper()
	reader, err := file.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	content, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestDeployment applies once and looks at the result from all sides.
func TestDeployment(t *testing.T) {
	tf := standIns(t)
	searched := tf.changes()
	if len(searched) < 80 {
		t.Errorf("a first plan makes only %d things", len(searched))
	}
	tf.run("apply", "-auto-approve", "-input=false", "-no-color")
	state := tf.state()

	t.Run("each identity has exactly its roles", func(t *testing.T) { checkIdentities(t, state) })
	t.Run("functions accept the environment that they are given", func(t *testing.T) { checkEnvironment(t, state) })
	t.Run("fields that no query needs are not indexed", func(t *testing.T) { checkIndexes(t, state) })
	t.Run("what alerts count is what functions log", func(t *testing.T) { checkMetrics(t, state) })
	t.Run("archives hold a function and what it imports", func(t *testing.T) { checkArchives(t, tf) })
	t.Run("archives build and answer as functions", func(t *testing.T) { serveArchives(t, tf, state) })
	t.Run("a second plan changes nothing", func(t *testing.T) {
		if got := tf.changes(); len(got) != 0 {
			t.Errorf("it changes %v", got)
		}
	})
	t.Run("a change redeploys what it concerns", func(t *testing.T) { checkHashes(t, tf) })
	t.Run("no secret is in the state, the archives or what was printed", func(t *testing.T) {
		places := map[string]string{
			"the state":        read(t, filepath.Join(tf.root, "terraform", "terraform.tfstate")),
			"what was printed": tf.logs.String(),
		}
		for place, text := range places {
			for _, canary := range canaries {
				if strings.Contains(text, canary) {
					t.Errorf("a secret is in %s: %s", place, canary)
				}
			}
		}
		archives, err := filepath.Glob(filepath.Join(tf.root, "terraform", "build", "*.zip"))
		if err != nil || len(archives) == 0 {
			t.Fatalf("no archives: %v", err)
		}
		for _, archive := range archives {
			searchZip(t, archive)
		}
	})
	t.Run("a destroy leaves nothing behind", func(t *testing.T) {
		tf.run("destroy", "-auto-approve", "-input=false", "-no-color")
		if left := tf.state(); len(left) != 0 {
			t.Errorf("it leaves %d things", len(left))
		}
	})
}

// checkHashes edits files of the copy, and puts them back.
func checkHashes(t *testing.T, tf *terraform) {
	tests := []struct {
		name   string
		files  []string
		append string
		want   []string
	}{
		{
			name: "a file of one function", files: []string{"functions/status/handler.go"}, append: "\n// Edited.\n",
			want: []string{"google_cloudfunctions2_function.status", `google_storage_bucket_object.archive["status"]`},
		},
		{
			name: "tests, and a package that only the heartbeat imports", append: "\n// Edited.\n",
			files: []string{"functions/eventsub/handler_test.go", "shared/event/event_test.go", "shared/ledger/ledger.go"},
			want:  []string{"google_cloudfunctions2_function.heartbeat", `google_storage_bucket_object.archive["heartbeat"]`},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, file := range test.files {
				path := filepath.Join(tf.root, file)
				before := read(t, path)
				write(t, path, before+test.append)
				defer write(t, path, before)
			}
			if diff := cmp.Diff(test.want, tf.changes()); diff != "" {
				t.Errorf("changed (-want +got):\n%s", diff)
			}
		})
	}
}

// TestConfiguration runs the tests of the configuration itself, which users can
// run, too.
func TestConfiguration(t *testing.T) {
	tf := standIns(t)
	// The tests say themselves what they set.
	tf.env = slices.DeleteFunc(tf.env, func(entry string) bool { return strings.HasPrefix(entry, "TF_VAR_") })
	for _, args := range [][]string{{"fmt", "-check", "-recursive"}, {"validate", "-no-color"}, {"test", "-no-color"}} {
		t.Run("terraform "+args[0], func(t *testing.T) {
			if r := tf.try(args...); r.code != 0 {
				t.Errorf("it ended with %d:\n%s%s", r.code, r.stdout, r.stderr)
			}
		})
	}
}

// TestDrawnSecret plans with what a user has to say and no more: the signing secret
// is drawn then.
func TestDrawnSecret(t *testing.T) {
	tf := standIns(t)
	tf.env = slices.DeleteFunc(tf.env, func(entry string) bool { return strings.HasPrefix(entry, "TF_VAR_") })
	tf.env = append(tf.env, "TF_VAR_project_id="+testProject, "TF_VAR_twitch_client_id="+testClientID, "TF_VAR_twitch_client_secret="+canaryClient)
	r := tf.try("plan", "-input=false", "-no-color")
	if strings.Contains(r.stderr, "provider-random") && strings.Contains(r.stderr, "plugin crashed") {
		t.Skip("the stand-in for the provider random cannot open ephemeral resources")
	}
	if r.code != 0 || !strings.Contains(r.stdout, " to add, 0 to change, 0 to destroy") {
		t.Errorf("it ended with %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
}
