// Command workbench runs one of Go's concurrent maps through a workload: the
// same keys and the same operations, from the same seed, as ../src/workload.ts
// makes for the maps of JavaScript. It reads one line for each round from
// standard input, the milliseconds to measure and those to warm up before, and
// answers with millions of operations per second.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// batch is the number of operations between two looks at the clock, as in
// ../src/subjects/worker.ts.
const batch = 512

// A step does the next batch operations of one thread and returns how many
// reads found nothing.
type step func() (missed int)

// A maker fills a map and returns what makes the steps of a thread. Each map
// has a loop of its own, so that no call in it goes through an interface.
type maker[V any] func(w workload, values []V) func(thread int) step

// A kind is one map, for numbers and for text.
type kind struct {
	numbers maker[float64]
	text    maker[string]
}

// kinds has the maps by name; the files of the maps fill it.
var kinds = map[string]kind{}

func runFor(d time.Duration, run step) (operations, missed int, elapsed time.Duration) {
	for start := time.Now(); elapsed < d; elapsed = time.Since(start) {
		missed += run()
		operations += batch
	}
	return operations, missed, elapsed
}

// round runs all threads side by side and returns their millions of operations
// per second together.
func round(steps []step, d, warmUp time.Duration, mayMiss bool) float64 {
	rates := make([]float64, len(steps))
	var arrived atomic.Int32
	var done sync.WaitGroup
	for i, run := range steps {
		done.Add(1)
		go func() {
			defer done.Done()
			arrived.Add(1)
			for int(arrived.Load()) < len(steps) {
				// Spin: all begin at the same time, on a processor that is awake.
			}
			runFor(warmUp, run)
			operations, missed, elapsed := runFor(d, run)
			if missed > 0 && !mayMiss {
				fmt.Fprintln(os.Stderr, missed, "keys that are in the map were not found")
				os.Exit(1)
			}
			rates[i] = float64(operations) / elapsed.Seconds() / 1e6
		}()
	}
	done.Wait()
	total := 0.0
	for _, rate := range rates {
		total += rate
	}
	return total
}

func main() {
	var w workload
	name := flag.String("map", "", "sync.Map, RWMutex+map, sharded, or xsync.Map where it was built in")
	seed := flag.Int64("seed", 1, "seed of the operations")
	flag.IntVar(&w.keys, "keys", 4096, "keys that are there throughout")
	flag.IntVar(&w.threads, "threads", 2, "goroutines, and GOMAXPROCS")
	flag.IntVar(&w.value, "value", 8, "bytes of a value; 8: a number")
	flag.Float64Var(&w.reads, "reads", 90, "reads in 100 operations")
	flag.Float64Var(&w.zipf, "zipf", 0, "exponent of the skew; 0: uniform")
	flag.Float64Var(&w.churn, "churn", 0, "writes in 100 that insert or delete")
	check := flag.Bool("check", false, "print a checksum of the keys and one of each thread's operations, and end")
	flag.Parse()
	w.seed = uint32(*seed)

	if *check {
		w.check()
		return
	}
	found, ok := kinds[*name]
	if !ok {
		fmt.Fprintf(os.Stderr, "unknown map %q\n", *name)
		os.Exit(2)
	}
	// Go gets as many processors as JavaScript has workers, so its collector
	// has no others.
	runtime.GOMAXPROCS(w.threads)
	var newStep func(thread int) step
	if w.value == numberBytes {
		newStep = found.numbers(w, w.numbers())
	} else {
		newStep = found.text(w, w.text())
	}
	steps := make([]step, w.threads)
	for thread := range steps {
		steps[thread] = newStep(thread)
	}

	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var ms, warmUpMs int
		if _, err := fmt.Sscan(lines.Text(), &ms, &warmUpMs); err != nil {
			fmt.Fprintln(os.Stderr, "a line is the milliseconds to measure and to warm up:", err)
			os.Exit(2)
		}
		fmt.Println(round(steps, time.Duration(ms)*time.Millisecond, time.Duration(warmUpMs)*time.Millisecond, w.churn > 0))
	}
}
