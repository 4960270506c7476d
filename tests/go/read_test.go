// Package read is golang.org/x/telemetry's own reader of counter files, which is only available in
// tests: COUNTER_FILE=FILE go test -run TestRead prints what it reads as JSON.
package read

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"golang.org/x/telemetry/counter"
	"golang.org/x/telemetry/counter/countertest"
)

func TestRead(t *testing.T) {
	file := os.Getenv("COUNTER_FILE")
	if file == "" {
		t.Skip("COUNTER_FILE is not set")
	}
	counters, stacks, err := countertest.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{"counters": counters, "stacks": stacks})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("\nREAD %s\n", text)
}

// The peer's figures for scripts/bench: the counterparts of benches/counter.rs.

var (
	one     = counter.New("bench/one")
	another = counter.New("bench/with-a-name-of-its-own-cache-line")
)

func open(b *testing.B) {
	dir := os.Getenv("COUNTER_DIR")
	if dir == "" {
		b.Skip("COUNTER_DIR is not set")
	}
	counter.OpenDir(dir)
	one.Inc()
	another.Inc()
	b.ResetTimer()
}

func BenchmarkOneThread(b *testing.B) {
	open(b)
	for range b.N {
		one.Inc()
	}
}

func benchmarkTwo(b *testing.B, second *counter.Counter) {
	open(b)
	done := make(chan bool)
	for _, c := range []*counter.Counter{one, second} {
		go func() {
			for range b.N {
				c.Inc()
			}
			done <- true
		}()
	}
	<-done
	<-done
}

func BenchmarkTwoThreadsSameCounter(b *testing.B) { benchmarkTwo(b, one) }

func BenchmarkTwoThreadsOwnCounters(b *testing.B) { benchmarkTwo(b, another) }
