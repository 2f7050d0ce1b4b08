package main

import (
	"testing"

	"github.com/sourcestate/sourcestate/shared/emulator"
)

func TestMain(m *testing.M) { emulator.Main(m) }
