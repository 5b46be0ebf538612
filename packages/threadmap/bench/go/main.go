// Command bench runs the same reads and writes over Go's concurrent maps as
// ../worker.ts runs over threadmap's: the same keys, the same operations from
// the same seed, the same clock. It reads one line per round from standard
// input, the milliseconds to measure, and answers with millions of operations
// per second.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/puzpuzpuz/xsync/v4"
)

const (
	// batch is the number of operations between two looks at the clock.
	batch = 1000
	// warmUp is how long the threads run before they count, in each round.
	warmUp = 20 * time.Millisecond
	// As in ../workload.ts: six-digit ids, each one once.
	firstID, ids, idStep = 100_000, 900_000, 524_287
)

// mulberry32 is the generator of ../workload.ts. It returns fractions in [0, 1).
func mulberry32(seed uint32) func() float64 {
	state := seed
	return func() float64 {
		state += 0x6d2b79f5
		t := (state ^ state>>15) * (1 | state)
		t = (t + (t^t>>7)*(61|t)) ^ t
		return float64(t^t>>14) / (1 << 32)
	}
}

func stringKeys(count int) []string {
	keys := make([]string, count)
	for i := range keys {
		keys[i] = fmt.Sprintf("user:%d", firstID+i*idStep%ids)
	}
	return keys
}

// operations returns key index * 2, plus 1 for a write, as in ../workload.ts.
func operations(keys int, reads float64, seed uint32) []uint32 {
	next := mulberry32(seed)
	length := 1 << 18
	if keys <= 8192 {
		length = 1 << 15
	}
	ops := make([]uint32, length)
	for i := range ops {
		ops[i] = uint32(next()*float64(keys)) * 2
		if next()*100 >= reads {
			ops[i]++
		}
	}
	return ops
}

// A worker runs one batch of operations and returns the sum of what it read.
// Each map has its own loop, so that no call in it goes through an interface.
type worker func() float64

// newWorkers fills the named map and returns what makes a worker of it.
func newWorkers(name string, keys []string) func(ops []uint32) worker {
	switch name {
	case "sync.Map":
		return syncMapWorkers(keys)
	case "xsync.Map":
		return xsyncWorkers(keys)
	case "RWMutex+map":
		return rwMutexWorkers(keys)
	}
	fmt.Fprintf(os.Stderr, "unknown map %q\n", name)
	os.Exit(2)
	return nil
}

func syncMapWorkers(keys []string) func(ops []uint32) worker {
	var m sync.Map
	// The keys become interfaces once, not on every call, in favour of sync.Map.
	boxed := make([]any, len(keys))
	for i, key := range keys {
		boxed[i] = key
		m.Store(boxed[i], float64(i)+0.5)
	}
	return func(ops []uint32) worker {
		position := 0
		return func() float64 {
			sum := 0.0
			for range batch {
				op := ops[position]
				if position++; position == len(ops) {
					position = 0
				}
				key := boxed[op>>1]
				if op&1 == 0 {
					value, _ := m.Load(key)
					sum += value.(float64)
				} else {
					m.Store(key, float64(position)+0.5)
				}
			}
			return sum
		}
	}
}

func xsyncWorkers(keys []string) func(ops []uint32) worker {
	m := xsync.NewMap[string, float64](xsync.WithPresize(len(keys)))
	for i, key := range keys {
		m.Store(key, float64(i)+0.5)
	}
	return func(ops []uint32) worker {
		position := 0
		return func() float64 {
			sum := 0.0
			for range batch {
				op := ops[position]
				if position++; position == len(ops) {
					position = 0
				}
				key := keys[op>>1]
				if op&1 == 0 {
					value, _ := m.Load(key)
					sum += value
				} else {
					m.Store(key, float64(position)+0.5)
				}
			}
			return sum
		}
	}
}

func rwMutexWorkers(keys []string) func(ops []uint32) worker {
	var mu sync.RWMutex
	m := make(map[string]float64, len(keys))
	for i, key := range keys {
		m[key] = float64(i) + 0.5
	}
	return func(ops []uint32) worker {
		position := 0
		return func() float64 {
			sum := 0.0
			for range batch {
				op := ops[position]
				if position++; position == len(ops) {
					position = 0
				}
				key := keys[op>>1]
				if op&1 == 0 {
					mu.RLock()
					value := m[key]
					mu.RUnlock()
					sum += value
				} else {
					mu.Lock()
					m[key] = float64(position) + 0.5
					mu.Unlock()
				}
			}
			return sum
		}
	}
}

func runFor(d time.Duration, run worker) (operations int, elapsed time.Duration, sum float64) {
	for start := time.Now(); elapsed < d; elapsed = time.Since(start) {
		sum += run()
		operations += batch
	}
	return operations, elapsed, sum
}

// round runs all workers side by side and returns their millions of operations
// per second together.
func round(workers []worker, d time.Duration) float64 {
	rates := make([]float64, len(workers))
	var arrived atomic.Int32
	var done sync.WaitGroup
	for i, run := range workers {
		done.Add(1)
		go func() {
			defer done.Done()
			arrived.Add(1)
			for arrived.Load() < int32(len(workers)) {
				// Spin: all begin at the same time, on a processor that is awake.
			}
			runFor(warmUp, run)
			operations, elapsed, sum := runFor(d, run)
			if math.IsNaN(sum) || sum == 0 {
				fmt.Fprintln(os.Stderr, "wrong values")
				os.Exit(1)
			}
			rates[i] = float64(operations) / float64(elapsed.Microseconds())
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
	name := flag.String("map", "sync.Map", "sync.Map, xsync.Map or RWMutex+map")
	count := flag.Int("keys", 4096, "number of keys")
	reads := flag.Float64("reads", 90, "reads in 100 operations")
	threads := flag.Int("threads", 2, "goroutines, and GOMAXPROCS")
	seed := flag.Uint("seed", 1, "seed of the operations")
	flag.Parse()

	runtime.GOMAXPROCS(*threads)
	newWorker := newWorkers(*name, stringKeys(*count))
	workers := make([]worker, *threads)
	for i := range workers {
		workers[i] = newWorker(operations(*count, *reads, uint32(*seed)+uint32(i)))
	}

	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		ms, err := strconv.Atoi(strings.TrimSpace(lines.Text()))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		fmt.Println(round(workers, time.Duration(ms)*time.Millisecond))
	}
}
