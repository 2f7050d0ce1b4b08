package firestore

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/sourcestate/sourcestate/shared/emulator"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

var guessed = source.Key{Platform: "twitch", ID: "1"}

// instances are stores that share nothing but the database.
func instances(t *testing.T, n int) []*Store {
	t.Helper()
	emulator.Firestore(t)
	project := emulator.Project(t)
	stores := make([]*Store, n)
	for i := range stores {
		s, err := Open(t.Context(), project, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		stores[i] = s
	}
	return stores
}

// named is a merge that sets the display name and notes each name that it was
// given before.
func named(name string, before *[]string) store.Merge {
	return func(d *source.Document, _ source.Parts) (source.Result, error) {
		was := "none"
		if d != nil {
			was = d.DisplayName
		}
		*before = append(*before, was)
		return source.Result{Changed: true, Document: &source.Document{
			ID: guessed.ID, Platform: guessed.Platform, DisplayName: name,
			Bookkeeping: &source.Bookkeeping{State: []byte{0, 0xff}},
			Metadata: source.Metadata{
				"n": 1.5, "whole": 7.0, "": "unnamed", "__x__": []any{[]any{"a", 1.0}, map[string]any{"deep": []any{}}}, "gone": map[string]any{},
			},
		}}, nil
	}
}

func TestWhatIsRememberedIsWhatIsStored(t *testing.T) {
	t.Parallel()
	s := instances(t, 1)[0]
	var before []string
	for _, name := range []string{"first", "second", "third"} {
		if err := s.Update(t.Context(), guessed, named(name, &before)); err != nil {
			t.Fatal(err)
		}
		document := s.document(guessed)
		remembered, ok := s.recent.guess(document.ID)
		if !ok {
			t.Fatal("nothing is remembered")
		}
		snapshot, err := document.Get(t.Context())
		read, err := versionOf(snapshot, err)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(read, remembered, cmp.AllowUnexported(version{})); diff != "" {
			t.Errorf("after the %s update (-stored +remembered):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff([]string{"none", "first", "second"}, before); diff != "" {
		t.Errorf("merged into (-want +got):\n%s", diff)
	}
}

func TestAWrongGuessIsNoticed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		spoil func(t *testing.T, other *Store)
		want  string // what the update is merged into in the end
	}{
		{"another instance has written", func(t *testing.T, other *Store) {
			if err := other.Update(t.Context(), guessed, named("other", new([]string))); err != nil {
				t.Fatal(err)
			}
		}, "other"},
		{"somebody has removed the document", func(t *testing.T, other *Store) {
			if _, err := other.document(guessed).Delete(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, "none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			stores := instances(t, 2)
			var before []string
			if err := stores[0].Update(t.Context(), guessed, named("mine", &before)); err != nil {
				t.Fatal(err)
			}
			test.spoil(t, stores[1])
			if err := stores[0].Update(t.Context(), guessed, named("again", &before)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"none", "mine", test.want}, before); diff != "" {
				t.Errorf("merged into (-want +got):\n%s", diff)
			}
			if d, err := stores[1].Get(t.Context(), guessed); err != nil || d.DisplayName != "again" {
				t.Errorf("stored is %+v, %v", d, err)
			}
		})
	}
}

// What changes nothing, or fails, is said of what is stored and not of a guess.
func TestNothingIsConcludedFromAGuess(t *testing.T) {
	t.Parallel()
	errRefused := errors.New("refused")
	for _, want := range []error{nil, errRefused} {
		stores := instances(t, 2)
		var before []string
		for i, name := range []string{"mine", "other"} {
			if err := stores[i].Update(t.Context(), guessed, named(name, new([]string))); err != nil {
				t.Fatal(err)
			}
		}
		err := stores[0].Update(t.Context(), guessed, func(d *source.Document, _ source.Parts) (source.Result, error) {
			before = append(before, d.DisplayName)
			return source.Result{}, want
		})
		if !errors.Is(err, want) {
			t.Errorf("the error is %v, want %v", err, want)
		}
		if diff := cmp.Diff([]string{"mine", "other"}, before); diff != "" {
			t.Errorf("merged into (-want +got):\n%s", diff)
		}
	}
}

// A commit may take place although its answer says otherwise. A guess must not
// merge a second time then, no more than an update without one does.
func TestACommitWhoseAnswerIsLostIsNotMergedAgain(t *testing.T) {
	address := emulator.Firestore(t)
	t.Setenv("FIRESTORE_EMULATOR_HOST", "") // else no option of the connection counts
	lost := false
	s, err := Open(t.Context(), emulator.Project(t), time.Now,
		option.WithEndpoint(address), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		option.WithGRPCDialOption(grpc.WithUnaryInterceptor(func(ctx context.Context, method string, request, reply any,
			connection *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			if err := invoke(owner(ctx), method, request, reply, connection, opts...); err != nil || !lost {
				return err
			}
			return status.Error(codes.Internal, "the answer is lost")
		})),
		option.WithGRPCDialOption(grpc.WithStreamInterceptor(func(ctx context.Context, description *grpc.StreamDesc,
			connection *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			return open(owner(ctx), description, connection, method, opts...)
		})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	var before []string
	if err := s.Update(t.Context(), guessed, named("first", &before)); err != nil {
		t.Fatal(err)
	}
	lost = true
	if err := s.Update(t.Context(), guessed, named("second", &before)); status.Code(errors.Unwrap(err)) != codes.Internal {
		t.Errorf("the error is %v", err)
	}
	lost = false
	if err := s.Update(t.Context(), guessed, named("third", &before)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"none", "first", "second"}, before); diff != "" {
		t.Errorf("merged into (-want +got):\n%s", diff)
	}
}

// owner is how the emulator knows who need not ask the rules.
func owner(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer owner")
}

func TestWhatTurnsOutWrongIsForgotten(t *testing.T) {
	t.Parallel()
	r, err := newRecent()
	if err != nil {
		t.Fatal(err)
	}
	r.keep("a", version{fields: map[string]any{}, updateTime: time.Unix(1, 0)})
	r.compare("a", version{fields: map[string]any{}, updateTime: time.Unix(2, 0)})
	if _, ok := r.guess("a"); ok {
		t.Error("what another instance has changed is guessed again")
	}
}

func TestGuessingStopsWhereItDoesNotPayAndBeginsAgainWhereItDoes(t *testing.T) {
	t.Parallel()
	r, err := newRecent()
	if err != nil {
		t.Fatal(err)
	}
	known := version{fields: map[string]any{}, updateTime: time.Unix(1, 0)}
	r.keep("a", known)
	guesses := func() bool {
		_, ok := r.guess("a")
		return ok
	}
	if !guesses() {
		t.Fatal("what was written is not guessed")
	}
	if _, ok := r.guess("b"); ok {
		t.Error("something unknown is guessed")
	}
	wrong := 0
	for ; guesses() && wrong < 100; wrong++ {
		r.learn(false)
	}
	if wrong < 2 || wrong > 10 {
		t.Errorf("guessing stops after %d wrong guesses", wrong)
	}
	for range 100 { // two instances by turns
		r.learn(false)
		r.learn(true)
	}
	if guesses() {
		t.Error("guessing goes on although every other guess is wrong")
	}
	for range 100 {
		r.compare("a", version{updateTime: time.Unix(2, 0)})
		r.keep("a", known) // written again
	}
	if guesses() {
		t.Error("what would have been wrong begins it again")
	}
	right := 0
	for ; !guesses() && right < 100; right++ {
		r.compare("b", known) // not remembered, so nothing is learned
		r.compare("a", known)
	}
	if right < 2 || right > 40 {
		t.Errorf("guessing begins again after %d reads that it would have spared", right)
	}
	r.forget("a")
	if guesses() {
		t.Error("what was forgotten is guessed")
	}
}
