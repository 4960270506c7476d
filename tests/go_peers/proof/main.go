// Command proof makes and checks C2SP tlog-proofs with torchwood.
//
//	proof make LOG-URL POLICY INDEX RECORD PROOF    fetches an entry, and writes it and its proof
//	proof check POLICY RECORD PROOF                 checks the proof of an entry, without a network
package main

import (
	"context"
	"log"
	"os"
	"strconv"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	log.SetFlags(0)
	arguments := os.Args[1:]
	switch {
	case len(arguments) == 6 && arguments[0] == "make":
		prove(arguments[1], policy(arguments[2]), arguments[3], arguments[4], arguments[5])
	case len(arguments) == 4 && arguments[0] == "check":
		record := must(os.ReadFile(arguments[2]))
		proof := must(os.ReadFile(arguments[3]))
		err := torchwood.VerifyProof(policy(arguments[1]), tlog.RecordHash(record), proof)
		if err != nil {
			log.Fatal(err)
		}
	default:
		log.Fatal("usage: proof make LOG-URL POLICY INDEX RECORD PROOF, or proof check POLICY RECORD PROOF")
	}
}

func prove(url string, policy torchwood.Policy, number, recordFile, proofFile string) {
	ctx := context.Background()
	index := must(strconv.ParseInt(number, 10, 64))
	fetcher := must(torchwood.NewTileFetcher(url))
	signed := must(fetcher.ReadEndpoint(ctx, "checkpoint"))
	checkpoint, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil {
		log.Fatal(err)
	}
	client := must(torchwood.NewClient(fetcher))
	record, proof, err := client.Entry(ctx, checkpoint.Tree, index)
	if err != nil {
		log.Fatal(err)
	}
	write(recordFile, record)
	write(proofFile, torchwood.FormatProof(index, proof, signed))
}

func policy(file string) torchwood.Policy {
	return must(torchwood.ParsePolicy(must(os.ReadFile(file))))
}

func write(file string, contents []byte) {
	if err := os.WriteFile(file, contents, 0o644); err != nil {
		log.Fatal(err)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
