package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sourcestate/sourcestate/shared/twitch"
)

// secretFile is the name of the file that keeps the made-up secret.
const secretFile = "eventsub-secret"

// keptSecret is the EventSub secret of the directory, made up at the first start
// and kept, so that what was signed for one run is good for the next.
func keptSecret(dir string) (string, error) {
	path := filepath.Join(dir, secretFile)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeSecret(path)
	}
	if err != nil {
		return "", fmt.Errorf("reading the EventSub secret: %w", err)
	}
	secrets, err := twitch.ParseSecrets(string(content))
	if err == nil && secrets.Len() == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		return "", fmt.Errorf("reading the EventSub secret from %s (remove it to get a new one): %w", path, err)
	}
	return strings.TrimSpace(string(content)), nil
}

// makeSecret makes up a secret. The file appears whole or not at all.
func makeSecret(path string) (string, error) {
	secret := rand.Text()
	temporary := path + ".new"
	if err := os.WriteFile(temporary, []byte(secret+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keeping the EventSub secret: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return "", fmt.Errorf("keeping the EventSub secret: %w", err)
	}
	return secret, nil
}
