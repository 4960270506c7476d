// Command append measures how fast a log of Tessera's POSIX driver grows, if each of its clients hands over one
// entry at a time and waits: until it is durable and in the tree, or also until it is published.
//
//	append CLIENTS SECONDS durable|published BATCH-AGE CHECKPOINT-INTERVAL
//
// Prints one line of JSON: entries a second, and how many milliseconds half and 99 of 100 of them waited.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 6 {
		log.Fatal("usage: append CLIENTS SECONDS durable|published BATCH-AGE CHECKPOINT-INTERVAL")
	}
	clients := must(strconv.Atoi(os.Args[1]))
	seconds := must(strconv.ParseFloat(os.Args[2], 64))
	published := os.Args[3] == "published"
	age, interval := must(time.ParseDuration(os.Args[4])), must(time.ParseDuration(os.Args[5]))

	folder := must(os.MkdirTemp("", "tessera"))
	defer os.RemoveAll(folder)
	secret, _, err := note.GenerateKey(nil, "telemetry.example.org")
	check(err)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	driver := must(posix.New(ctx, posix.Config{Path: folder}))
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(must(note.NewSigner(secret))).
		WithBatching(tessera.DefaultBatchMaxSize, age).
		WithCheckpointInterval(interval)
	appender, _, reader, err := tessera.NewAppender(ctx, driver, options)
	check(err)
	await := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, time.Millisecond)

	// The first entry makes folders, and is not measured.
	add := func(client, number int) {
		// As long as a checksum database record.
		future := appender.Add(ctx, tessera.NewEntry(fmt.Appendf(nil, "%0100d%0100d", client, number)))
		if published {
			_, _, err := await.Await(ctx, future)
			check(err)
		} else {
			_, err := future()
			check(err)
		}
	}
	add(clients, 0)

	waits := make([][]time.Duration, clients)
	var all sync.WaitGroup
	start := time.Now()
	end := start.Add(time.Duration(seconds * float64(time.Second)))
	for client := range clients {
		all.Go(func() {
			for number := 0; time.Now().Before(end); number++ {
				begun := time.Now()
				add(client, number)
				waits[client] = append(waits[client], time.Since(begun))
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	flat := slices.Concat(waits...)
	slices.Sort(flat)
	at := func(share float64) float64 {
		return flat[int(share*float64(len(flat)-1))].Seconds() * 1000
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"per_second": float64(len(flat)) / took.Seconds(), "half_ms": at(0.5), "p99_ms": at(0.99),
	}))
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
