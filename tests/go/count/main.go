// Count is a Go program with golang.org/x/telemetry, for tests of files that both languages write.
//
//	count -dir FOLDER [-go] [-name NAME -times N] [-many PREFIX -of N] [-stack NAME]
//
// It opens the telemetry folder, writes "ready" and, with -go, waits for a line on standard input,
// so that a test can have two processes begin at once. Then it counts NAME, N times; N different
// names that begin with PREFIX, once each; and a stack two calls deep.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"

	"golang.org/x/telemetry/counter"
)

func main() {
	dir := flag.String("dir", "", "telemetry folder")
	wait := flag.Bool("go", false, "wait for a line on standard input")
	name := flag.String("name", "", "counter to increment")
	times := flag.Int("times", 1, "how often")
	many := flag.String("many", "", "prefix of different counters")
	of := flag.Int("of", 0, "how many of them")
	stack := flag.String("stack", "", "stack counter to increment")
	flag.Parse()

	counter.OpenDir(*dir)
	fmt.Println("ready")
	if *wait {
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if *name != "" {
		c := counter.New(*name)
		for range *times {
			c.Inc()
		}
	}
	for i := range *of {
		counter.Inc(fmt.Sprint(*many, i))
	}
	if *stack != "" {
		outer(counter.NewStack(*stack, 16))
	}
}

//go:noinline
func outer(c *counter.StackCounter) { inner(c) }

//go:noinline
func inner(c *counter.StackCounter) { c.Inc() }
