package status

import (
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
)

// minZipped is the size from which compressing is worth it, in bytes.
const minZipped = 1 << 10

// zipped is w for an answer that is compressed where the caller takes it and it is
// worth it. Done must be called when the answer is written.
func (h *Handler) zipped(w http.ResponseWriter, r *http.Request) (answer http.ResponseWriter, done func()) {
	w.Header().Add("Vary", "Accept-Encoding")
	if !takesZip(r) {
		return w, func() {}
	}
	z := &zipper{ResponseWriter: w, handler: h}
	return z, z.close
}

// takesZip reports whether the caller takes gzip.
func takesZip(r *http.Request) bool {
	others := false // what is said of codings that are not named
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip":
			return wanted(weight)
		case "*":
			others = wanted(weight)
		}
	}
	return others
}

// wanted reads a weight, as in q=0.5. Without one all is wanted.
func wanted(weight string) bool {
	weight, weighed := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
	quality, err := strconv.ParseFloat(weight, 64)
	return !weighed || err == nil && quality > 0
}

// A zipper compresses what is written, if the headers say that it is text.
type zipper struct {
	http.ResponseWriter
	handler *Handler
	decided bool
	zip     *gzip.Writer // nil: nothing is compressed
}

func (z *zipper) WriteHeader(status int) {
	if !z.decided && status >= http.StatusOK {
		z.decided = true
		if worthZipping(status, z.Header()) {
			z.begin()
		}
	}
	z.ResponseWriter.WriteHeader(status)
}

func worthZipping(status int, header http.Header) bool {
	if status == http.StatusNoContent || status == http.StatusPartialContent || status == http.StatusNotModified {
		return false
	}
	if length, err := strconv.Atoi(header.Get("Content-Length")); err == nil && length < minZipped {
		return false
	}
	kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	return header.Get("Content-Encoding") == "" &&
		(strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "json") ||
			strings.HasSuffix(kind, "xml") || strings.HasSuffix(kind, "javascript"))
}

// begin announces and starts compressing. The bytes are others than those that a
// strong tag was made of.
func (z *zipper) begin() {
	header := z.Header()
	header.Set("Content-Encoding", "gzip")
	header.Del("Content-Length")
	header.Del("Accept-Ranges")
	if tag := header.Get("Etag"); strings.HasPrefix(tag, `"`) {
		header.Set("Etag", "W/"+tag)
	}
	z.zip, _ = z.handler.zips.Get().(*gzip.Writer)
	z.zip.Reset(z.ResponseWriter)
}

func (z *zipper) Write(p []byte) (int, error) {
	if !z.decided {
		z.WriteHeader(http.StatusOK)
	}
	if z.zip == nil {
		return z.ResponseWriter.Write(p)
	}
	return z.zip.Write(p)
}

func (z *zipper) close() {
	if z.zip == nil {
		return
	}
	// A caller that has gone away needs no end.
	_ = z.zip.Close()
	z.handler.zips.Put(z.zip)
	z.zip = nil
}

// Unwrap lets http.ResponseController find the writer beneath.
func (z *zipper) Unwrap() http.ResponseWriter { return z.ResponseWriter }
