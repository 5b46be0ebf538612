// Command lab runs one of Go's concurrent maps through a workload of the
// lab's mix: the same keys and the same operations, from the same seed, as
// ../src/workload.ts makes. It reads the milliseconds to measure from standard
// input, one line per round, and answers each with millions of operations per
// second.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"hash/maphash"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	firstID, ids, idStep = 100_000, 900_000, 524_287

	// batch is the number of operations between two looks at the clock.
	batch = 512
	// warmUp is how long threads run before they count.
	warmUp = 15 * time.Millisecond
	// shards of the sharded map: as many as threadmap's have.
	shards = 64

	opGet, opUpdate, opInsert, opRemove = 0, 1, 2, 3
)

type workload struct {
	keys, threads, value int
	reads, zipf, churn   float64
	seed                 uint32
}

// mulberry32 is the generator of workload.ts. It returns fractions in [0, 1).
func mulberry32(seed uint32) func() float64 {
	state := seed
	return func() float64 {
		state += 0x6d2b79f5
		t := (state ^ state>>15) * (1 | state)
		t = (t + (t^t>>7)*(61|t)) ^ t
		return float64(t^t>>14) / (1 << 32)
	}
}

func (w workload) temporary() int {
	quarter := math.Max(1, float64(w.keys)/4)
	return min(4096, max(64, 1<<int(math.Floor(math.Log2(quarter)))))
}

func (w workload) picker(next func() float64) func() int {
	if w.zipf <= 0 {
		return func() int { return int(next() * float64(w.keys)) }
	}
	cumulated := make([]float64, w.keys)
	sum := 0.0
	for i := range cumulated {
		sum += 1 / math.Pow(float64(i+1), w.zipf)
		cumulated[i] = sum
	}
	return func() int {
		target := next() * sum
		low, high := 0, w.keys-1
		for low < high {
			middle := (low + high) / 2
			if cumulated[middle] < target {
				low = middle + 1
			} else {
				high = middle
			}
		}
		return low
	}
}

// operations returns index*4 + operation, as workload.ts does.
func (w workload) operations(thread int) []uint32 {
	next := mulberry32(w.seed + uint32(thread)*7919)
	pick := w.picker(next)
	length := 1 << 18
	if w.keys <= 8192 {
		length = 1 << 15
	}
	ops := make([]uint32, length)
	temporary := w.temporary()
	inserted := temporary / 2
	insertNext := true
	for i := range ops {
		switch {
		case next()*100 < w.reads:
			ops[i] = uint32(pick())*4 + opGet
		case next()*100 >= w.churn:
			ops[i] = uint32(pick())*4 + opUpdate
		case insertNext:
			ops[i] = uint32(inserted%temporary)*4 + opInsert
			insertNext = false
		default:
			ops[i] = uint32((inserted+temporary/2)%temporary)*4 + opRemove
			inserted++
			insertNext = true
		}
	}
	return ops
}

// store is what all maps do. Values are strings or numbers in both languages;
// here both are `any` in sync.Map and strings elsewhere, since a number of 8
// bytes and a string header cost a Go map nearly the same.
type store interface {
	get(key string) bool
	set(key, value string)
	remove(key string)
}

type syncStore struct{ m sync.Map }

func (s *syncStore) get(key string) bool   { _, ok := s.m.Load(key); return ok }
func (s *syncStore) set(key, value string) { s.m.Store(key, value) }
func (s *syncStore) remove(key string)     { s.m.Delete(key) }

type rwStore struct {
	mu sync.RWMutex
	m  map[string]string
	_  [64]byte
}

func (s *rwStore) get(key string) bool {
	s.mu.RLock()
	_, ok := s.m[key]
	s.mu.RUnlock()
	return ok
}

func (s *rwStore) set(key, value string) {
	s.mu.Lock()
	s.m[key] = value
	s.mu.Unlock()
}

func (s *rwStore) remove(key string) {
	s.mu.Lock()
	delete(s.m, key)
	s.mu.Unlock()
}

type shardedStore struct {
	seed   maphash.Seed
	shards [shards]rwStore
}

func (s *shardedStore) of(key string) *rwStore {
	return &s.shards[maphash.String(s.seed, key)%shards]
}
func (s *shardedStore) get(key string) bool   { return s.of(key).get(key) }
func (s *shardedStore) set(key, value string) { s.of(key).set(key, value) }
func (s *shardedStore) remove(key string)     { s.of(key).remove(key) }

func newStore(name string) store {
	switch name {
	case "sync":
		return &syncStore{}
	case "rwmutex":
		return &rwStore{m: map[string]string{}}
	case "sharded":
		s := &shardedStore{seed: maphash.MakeSeed()}
		for i := range s.shards {
			s.shards[i].m = map[string]string{}
		}
		return s
	}
	fmt.Fprintf(os.Stderr, "unknown map %q\n", name)
	os.Exit(2)
	return nil
}

type thread struct {
	ops             []uint32
	keys, temporary []string
	values          []string
	position        int
	written         int
	found           int
}

func (t *thread) run(s store) {
	for range [batch]struct{}{} {
		op := t.ops[t.position]
		if t.position++; t.position == len(t.ops) {
			t.position = 0
		}
		index := op >> 2
		switch op & 3 {
		case opGet:
			if s.get(t.keys[index]) {
				t.found++
			}
		case opUpdate:
			s.set(t.keys[index], t.values[t.written%len(t.values)])
			t.written++
		case opInsert:
			s.set(t.temporary[index], t.values[t.written%len(t.values)])
			t.written++
		default:
			s.remove(t.temporary[index])
		}
	}
}

func (t *thread) runFor(s store, d time.Duration) (operations int, elapsed time.Duration) {
	start := time.Now()
	for {
		t.run(s)
		operations += batch
		if elapsed = time.Since(start); elapsed >= d {
			return
		}
	}
}

func main() {
	var w workload
	name := flag.String("map", "", "sync, rwmutex or sharded")
	seed := flag.Int64("seed", 1, "")
	flag.IntVar(&w.keys, "keys", 4096, "")
	flag.IntVar(&w.threads, "threads", 2, "")
	flag.IntVar(&w.value, "value", 8, "")
	flag.Float64Var(&w.reads, "reads", 90, "")
	flag.Float64Var(&w.zipf, "zipf", 0, "")
	flag.Float64Var(&w.churn, "churn", 0, "")
	flag.Parse()
	w.seed = uint32(*seed)

	s := newStore(*name)
	keys := make([]string, w.keys)
	for i := range keys {
		keys[i] = fmt.Sprintf("user:%d", firstID+i*idStep%ids)
	}
	values := make([]string, 64)
	for i := range values {
		values[i] = (fmt.Sprintf("%d:", i) + strings.Repeat("v", w.value))[:w.value]
	}
	for i, key := range keys {
		s.set(key, values[i%64])
	}
	threads := make([]*thread, w.threads)
	for i := range threads {
		temporary := make([]string, w.temporary())
		for j := range temporary {
			temporary[j] = fmt.Sprintf("sess:%d:%d", i, j*idStep%ids)
			if w.churn > 0 && j < len(temporary)/2 {
				s.set(temporary[j], values[0])
			}
		}
		threads[i] = &thread{ops: w.operations(i), keys: keys, temporary: temporary, values: values}
	}

	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		ms, err := strconv.Atoi(strings.TrimSpace(lines.Text()))
		if err != nil {
			fmt.Fprintln(os.Stderr, "a line is the milliseconds to measure:", err)
			os.Exit(2)
		}
		var arrived atomic.Int32
		var done sync.WaitGroup
		rates := make([]float64, len(threads))
		for i, t := range threads {
			done.Add(1)
			go func() {
				defer done.Done()
				arrived.Add(1)
				for int(arrived.Load()) < len(threads) {
				}
				t.runFor(s, warmUp)
				operations, elapsed := t.runFor(s, time.Duration(ms)*time.Millisecond)
				rates[i] = float64(operations) / elapsed.Seconds() / 1e6
			}()
		}
		done.Wait()
		sum := 0.0
		for _, rate := range rates {
			sum += rate
		}
		fmt.Println(sum)
	}
}
