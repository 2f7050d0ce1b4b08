package status

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// assetRoot is where the assets are served, under their version.
const assetRoot = "/assets/"

var (
	//go:embed assets
	assetFiles embed.FS
	assets     = sync.OnceValue(func() assetSet { return readAssets(assetFiles) })
)

// assetSet are all files that the pages load, read once. They refer to each other
// by relative paths, so one version stands for all of them.
type assetSet struct {
	version string
	files   map[string][]byte // by path
}

func readAssets(files fs.FS) assetSet {
	set := assetSet{files: make(map[string][]byte)}
	sum := sha256.New()
	// The files are part of the program, so reading them cannot fail.
	_ = fs.WalkDir(files, "assets", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		name = strings.TrimPrefix(name, "assets/")
		sum.Write([]byte(name + "\x00"))
		sum.Write(content)
		set.files[name] = content
		return err
	})
	set.version = hex.EncodeToString(sum.Sum(nil)[:8])
	return set
}

// path is where an asset is served.
func (s assetSet) path(name string) string { return assetRoot + s.version + "/" + name }

// asset serves a file that the pages load. One of this version never changes; of
// another version, which a page from before a deployment may ask for, it is the
// file as it is now.
func (h *Handler) asset(w http.ResponseWriter, r *http.Request) {
	version, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, assetRoot), "/")
	content, ok := assets().files[name]
	if !ok {
		h.nothing(w, r)
		return
	}
	header := w.Header()
	header.Set("Content-Type", contentType(name))
	header.Set("Etag", `"`+assets().version+`"`)
	header.Set("Cache-Control", "no-cache")
	if version == assets().version {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// contentType does not depend on what the machine knows of types.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return "text/plain; charset=utf-8"
	}
}

// markPath is where the picture of a platform is.
func markPath(platform string) string {
	name := "marks/" + platform + ".svg"
	if _, ok := assets().files[name]; !ok {
		name = "marks/other.svg"
	}
	return assets().path(name)
}

// marks are the platforms that have a picture of their own, for scripts.
func marks() string {
	var names []string
	for name := range assets().files {
		mark, isMark := strings.CutPrefix(name, "marks/")
		if mark, isPicture := strings.CutSuffix(mark, ".svg"); isMark && isPicture {
			names = append(names, mark)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}
