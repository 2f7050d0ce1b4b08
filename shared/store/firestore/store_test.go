package firestore_test

import (
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/emulator"
	"github.com/sourcestate/sourcestate/shared/store/firestore"
	"github.com/sourcestate/sourcestate/shared/store/storetest"
)

func TestMain(m *testing.M) { emulator.Main(m) }

func TestStore(t *testing.T) {
	emulator.Firestore(t)
	storetest.Run(t, func(t *testing.T, clock func() time.Time) storetest.Subject {
		s, err := firestore.Open(t.Context(), emulator.Project(t), clock)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
