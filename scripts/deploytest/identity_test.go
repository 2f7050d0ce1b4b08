package deploytest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/functions/eventsub"
	"github.com/sourcestate/sourcestate/functions/heartbeat"
	"github.com/sourcestate/sourcestate/functions/persistence"
	"github.com/sourcestate/sourcestate/functions/status"
)

// identities are who may do what, and on which resource; "project" only where there
// is no smaller one.
var identities = map[string][]string{
	"everybody": {"roles/run.invoker on function eventsub"},
	"eventsub": {
		"roles/pubsub.publisher on topic deadletter",
		"roles/pubsub.publisher on topic ingress",
		"roles/secretmanager.secretAccessor on secret eventsub",
	},
	"heartbeat": {
		"roles/datastore.user on project",
		"roles/pubsub.publisher on topic ingress",
		"roles/run.invoker on function bots", // a connector that wants it
		"roles/secretmanager.secretAccessor on secret client_secret",
		"roles/secretmanager.secretAccessor on secret eventsub",
		"roles/secretmanager.secretAccessor on secret user_tokens",
	},
	"persistence": {
		"roles/datastore.user on project",
		"roles/pubsub.publisher on topic deadletter",
		"roles/pubsub.publisher on topic transition",
	},
	"status":    {"roles/datastore.viewer on project"},
	"push":      {"roles/run.invoker on function persistence"},
	"scheduler": {"roles/run.invoker on function heartbeat"},
	"build": {
		"roles/artifactregistry.writer on repository images",
		"roles/logging.logWriter on project",
		"roles/storage.objectViewer on bucket source",
	},
	"Pub/Sub": {
		"roles/iam.serviceAccountTokenCreator on account push",
		"roles/pubsub.publisher on topic deadletter",
		"roles/pubsub.subscriber on subscription persistence",
	},
}

func checkIdentities(t *testing.T, state []resource) {
	// Names of things by the values by which others refer to them.
	names := map[string]string{"allUsers": "everybody"}
	for _, r := range state {
		short := r.Name
		if index, ok := r.Index.(string); ok {
			short = index
		}
		switch r.Type {
		case "google_service_account":
			names[r.text("member")], names[r.text("name")], names[r.text("id")] = short, "account "+short, "account "+short
		case "google_pubsub_topic":
			names[r.text("id")] = "topic " + short
		case "google_pubsub_subscription":
			names[r.text("id")] = "subscription " + short
		case "google_secret_manager_secret":
			names[r.text("id")] = "secret " + short
		case "google_storage_bucket":
			names[r.text("name")] = "bucket " + short
		case "google_artifact_registry_repository":
			names[r.text("name")] = "repository " + short
		case "google_cloudfunctions2_function":
			names[r.text("name")] = "function " + short
		}
	}
	names["bots"] = "function bots"
	got := make(map[string][]string)
	for _, r := range state {
		switch {
		case strings.HasSuffix(r.Type, "_iam_binding"), strings.HasSuffix(r.Type, "_iam_policy"):
			t.Errorf("%s takes roles away that others gave", r.Address)
		case !strings.HasSuffix(r.Type, "_iam_member"):
			continue
		}
		on := ""
		for _, argument := range []string{"topic", "subscription", "secret_id", "bucket", "repository", "service", "service_account_id"} {
			if value := r.text(argument); value != "" {
				on = names[value]
			}
		}
		if r.Type == "google_project_iam_member" {
			on = "project"
		}
		member := names[r.text("member")]
		if strings.HasSuffix(r.text("member"), "@gcp-sa-pubsub.iam.gserviceaccount.com") {
			member = "Pub/Sub"
		}
		if member == "" || on == "" {
			t.Errorf("%s: whose %q on what?", r.Address, r.text("member"))
		}
		got[member] = append(got[member], fmt.Sprintf("%s on %s", r.text("role"), on))
	}
	for _, roles := range got {
		slices.Sort(roles)
	}
	if diff := cmp.Diff(identities, got); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}

	// And each function runs as its own.
	for _, r := range state {
		if r.Type != "google_cloudfunctions2_function" {
			continue
		}
		account := r.block("service_config").text("service_account_email")
		if got := names["serviceAccount:"+account]; got != r.Name {
			t.Errorf("%s runs as %q", r.Name, got)
		}
		if got := names[r.block("build_config").text("service_account")]; got != "account build" {
			t.Errorf("%s is built as %q", r.Name, got)
		}
	}
}

// environment is what a deployed function finds, with secrets in place.
func environment(t *testing.T, state []resource, name string) map[string]string {
	t.Helper()
	secrets := map[string]string{
		"TWITCH_CLIENT_SECRET":    canaryClient,
		"TWITCH_EVENTSUB_SECRETS": canaryNewest + "," + canaryOlder,
		"TWITCH_USER_TOKENS":      `[{"userId":"555","accessToken":"` + canaryToken + `"}]`,
	}
	for _, r := range state {
		if r.Type != "google_cloudfunctions2_function" || r.Name != name {
			continue
		}
		found := make(map[string]string)
		config := r.block("service_config")
		plain, _ := config.Values["environment_variables"].(map[string]any)
		for key, value := range plain {
			found[key], _ = value.(string)
		}
		secret, _ := config.Values["secret_environment_variables"].([]any)
		for _, s := range secret {
			values, _ := s.(map[string]any)
			key, _ := values["key"].(string)
			found[key] = secrets[key]
			if version, _ := values["version"].(string); strings.Trim(version, "0123456789") != "" || version == "" {
				t.Errorf("%s: version %q of %s is no number", name, version, key)
			}
		}
		return found
	}
	t.Fatalf("there is no function %q", name)
	return nil
}

func checkEnvironment(t *testing.T, state []resource) {
	loads := map[string]func(getenv func(string) string) error{
		"eventsub":    func(getenv func(string) string) error { _, err := eventsub.Load(getenv); return err },
		"heartbeat":   func(getenv func(string) string) error { _, err := heartbeat.Load(getenv); return err },
		"persistence": func(getenv func(string) string) error { _, err := persistence.Load(getenv); return err },
		"status":      func(getenv func(string) string) error { _, err := status.Load(getenv); return err },
	}
	for name, load := range loads {
		t.Run(name, func(t *testing.T) {
			given := environment(t, state, name)
			asked := make(map[string]bool)
			if err := load(func(key string) string { asked[key] = true; return given[key] }); err != nil {
				t.Error(err)
			}
			for key := range given {
				if !asked[key] {
					t.Errorf("it is given %s and does not ask for it", key)
				}
			}
			// Stand-ins for Twitch are for tests, and the debug page is there by choice.
			for key := range asked {
				optional := strings.HasSuffix(key, "_URL") && key != "TWITCH_CALLBACK_URL" ||
					name == "status" && (key == "DEBUG_TOKEN" || strings.HasPrefix(key, "TWITCH_CLIENT_"))
				if _, ok := given[key]; !ok && !optional {
					t.Errorf("it asks for %s and is not given it", key)
				}
			}
		})
	}
}
