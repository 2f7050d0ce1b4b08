package emulator

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// gcloudTimeout bounds the question where the SDK is; the answer takes a second.
const gcloudTimeout = 20 * time.Second

// locate is the program at path within the Cloud SDK. The error is errNoSDK,
// wrapped, when this machine cannot run it.
func locate(ctx context.Context, path []string) (string, error) {
	for _, needed := range []string{"sh", "java"} {
		if _, err := exec.LookPath(needed); err != nil {
			return "", fmt.Errorf("%w: %w", errNoSDK, err)
		}
	}
	roots := []string{os.Getenv("CLOUDSDK_ROOT"), os.Getenv("CLOUDSDK_ROOT_DIR"), "/usr/lib/google-cloud-sdk"}
	for _, root := range roots {
		if program, ok := within(root, path); ok {
			return program, nil
		}
	}
	root, err := askGcloud(ctx)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNoSDK, err)
	}
	program, ok := within(root, path)
	if !ok {
		return "", fmt.Errorf("%w: %s is missing", errNoSDK, program)
	}
	return program, nil
}

func within(root string, path []string) (program string, ok bool) {
	program = filepath.Join(append([]string{root}, path...)...)
	if root == "" {
		return program, false
	}
	info, err := os.Stat(program)
	return program, err == nil && info.Mode().IsRegular()
}

func askGcloud(ctx context.Context) (root string, err error) {
	ctx, cancel := context.WithTimeout(ctx, gcloudTimeout)
	defer cancel()
	output, err := exec.CommandContext(ctx, "gcloud", "info", "--format=value(installation.sdk_root)").Output()
	if err != nil {
		return "", fmt.Errorf("asking gcloud for its root: %w", err)
	}
	return strings.TrimSpace(string(output)), nil
}
