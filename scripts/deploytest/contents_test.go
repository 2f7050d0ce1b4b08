package deploytest

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/source"
)

// queried are the fields of a source by which the API filters.
var queried = []string{"platform", "status", "streamStatus"}

// plain are fields without a time or a map, which an index costs little.
var plain = []string{"authStatus", "displayName", "id", "latencyMs", "permissions", "viewerCount"}

func checkIndexes(t *testing.T, state []resource) {
	var want, got, expiring []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[source.Document]()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !slices.Contains(queried, name) && !slices.Contains(plain, name) {
			want = append(want, name)
		}
	}
	for _, r := range state {
		if r.Type != "google_firestore_field" {
			continue
		}
		if len(r.block("index_config").Values) > 0 {
			if indexes, _ := r.block("index_config").Values["indexes"].([]any); len(indexes) > 0 {
				t.Errorf("%s has indexes", r.Address)
			}
		}
		if r.Name == "expires" {
			expiring = append(expiring, r.text("collection"))
		} else if r.text("collection") == "sources" {
			got = append(got, r.text("field"))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	slices.Sort(expiring)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields of sources without an index (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"history", "viewers"}, expiring); diff != "" {
		t.Errorf("collections that expire (-want +got):\n%s", diff)
	}
}

// checkMetrics holds the filters of log-based metrics to the code.
func checkMetrics(t *testing.T, state []resource) {
	messages := regexp.MustCompile(`jsonPayload\.message="([^"]+)"`)
	services := regexp.MustCompile(`service_name="[^"]*-([a-z]+)"`)
	count := 0
	for _, r := range state {
		if r.Type != "google_logging_metric" {
			continue
		}
		count++
		message, service := messages.FindStringSubmatch(r.text("filter")), services.FindStringSubmatch(r.text("filter"))
		if message == nil || service == nil {
			t.Errorf("%s counts no message of a function: %s", r.Address, r.text("filter"))
			continue
		}
		files, err := filepath.Glob(filepath.Join(root(t), "functions", service[1], "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(files, func(file string) bool {
			return !strings.HasSuffix(file, "_test.go") && strings.Contains(read(t, file), `"`+message[1]+`"`)
		}) {
			t.Errorf("%s counts %q, which %s does not log", r.Address, message[1], service[1])
		}
	}
	if count == 0 {
		t.Error("there are no log-based metrics")
	}
	for _, r := range state {
		if r.Type != "google_monitoring_alert_policy" {
			continue
		}
		documentation := r.block("documentation")
		link := documentation.block("links").text("url")
		if playbook := read(t, filepath.Join(root(t), "docs", "playbooks", filepath.Base(link))); documentation.text("content") != playbook {
			t.Errorf("%s does not carry its playbook %s", r.Address, link)
		}
	}
}

// deployed are the functions and their targets.
var deployed = map[string]string{
	"eventsub": "EventSub", "heartbeat": "Heartbeat", "persistence": "Persistence", "status": "Status",
}

// unpack extracts the archive of a function.
func unpack(t *testing.T, tf *terraform, name string) (directory string, files []string) {
	t.Helper()
	directory = t.TempDir()
	archive := openArchive(t, tf, name)
	for _, file := range archive.File {
		write(t, filepath.Join(directory, file.Name), readZipped(t, file))
		files = append(files, file.Name)
	}
	slices.Sort(files)
	return directory, files
}

func checkArchives(t *testing.T, tf *terraform) {
	for name := range deployed {
		t.Run(name, func(t *testing.T) {
			_, files := unpack(t, tf, name)
			packages := make(map[string]bool)
			for _, file := range files {
				if strings.HasSuffix(file, "_test.go") || strings.Contains(file, "testdata") {
					t.Errorf("%s is in it", file)
				}
				if strings.HasPrefix(file, "functions/") && !strings.HasPrefix(file, "functions/"+name+"/") {
					t.Errorf("%s of another function is in it", file)
				}
				if strings.HasSuffix(file, ".go") && file != "function.go" {
					packages[filepath.Dir(file)] = true
				}
			}
			var got []string
			for directory := range packages {
				got = append(got, directory)
			}
			slices.Sort(got)
			if diff := cmp.Diff(imported(t, name), got); diff != "" {
				t.Errorf("packages (-imported +archived):\n%s", diff)
			}
			for _, file := range embedded(t, name) {
				if !slices.Contains(files, file) {
					t.Errorf("%s is embedded and not in it", file)
				}
			}
		})
	}
	t.Run("no other function is deployed", func(t *testing.T) {
		entries, err := os.ReadDir(filepath.Join(tf.root, "terraform", "build"))
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != len(deployed) {
			t.Errorf("there are %d archives", len(entries))
		}
	})
}
