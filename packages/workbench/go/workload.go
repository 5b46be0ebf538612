package main

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"strings"
)

const (
	// The ids of ../src/workload.ts: each of six digits once, then each of seven.
	firstID, ids, idStep = 100_000, 900_000, 524_287

	// numberBytes is the length of values that are numbers.
	numberBytes = 8
	// valueCount different values are written in turn.
	valueCount = 64

	opGet, opUpdate, opInsert, opRemove = 0, 1, 2, 3
)

type workload struct {
	keys, threads, value int
	reads, zipf, churn   float64
	seed                 uint32
}

// mulberry32 is the generator of ../src/workload.ts. It returns fractions in
// [0, 1).
func mulberry32(seed uint32) func() float64 {
	state := seed
	return func() float64 {
		state += 0x6d2b79f5
		t := (state ^ state>>15) * (1 | state)
		t = (t + (t^t>>7)*(61|t)) ^ t
		return float64(t^t>>14) / (1 << 32)
	}
}

// temporary is the number of keys of one thread that come and go.
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

// operations returns index*4 + operation, as ../src/workload.ts does.
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

// id is the index-th id; all ids are different.
func id(index int) int {
	first, count := firstID, ids
	for index >= count {
		index -= count
		first *= 10
		count *= 10
	}
	return first + index*idStep%count
}

// permanentKeys are the keys that are in the map throughout.
func (w workload) permanentKeys() []string {
	keys := make([]string, w.keys)
	for i := range keys {
		keys[i] = fmt.Sprintf("user:%d", id(i))
	}
	return keys
}

// temporaryKeys are the keys of one thread that come and go.
func (w workload) temporaryKeys(thread int) []string {
	keys := make([]string, w.temporary())
	for i := range keys {
		keys[i] = fmt.Sprintf("sess:%d:%d", thread, i*idStep%ids)
	}
	return keys
}

// initialKeys are the keys that a map is filled with: the permanent ones, and
// half of each thread's temporary ones.
func (w workload) initialKeys() []string {
	keys := w.permanentKeys()
	if w.churn == 0 {
		return keys
	}
	for thread := range w.threads {
		keys = append(keys, w.temporaryKeys(thread)[:w.temporary()/2]...)
	}
	return keys
}

func (w workload) numbers() []float64 {
	values := make([]float64, valueCount)
	for i := range values {
		values[i] = float64(i) + 0.5
	}
	return values
}

func (w workload) text() []string {
	values := make([]string, valueCount)
	for i := range values {
		values[i] = (fmt.Sprintf("%d:", i) + strings.Repeat("v", w.value))[:w.value]
	}
	return values
}

// A cursor walks through the operations of one thread, again and again.
type cursor struct {
	ops               []uint32
	position, written int
}

func (c *cursor) next() uint32 {
	op := c.ops[c.position]
	if c.position++; c.position == len(c.ops) {
		c.position = 0
	}
	return op
}

// value returns the index of the value to write now.
func (c *cursor) value() int {
	c.written++
	return c.written % valueCount
}

// check prints checksums, by which a test sees that ../src/workload.ts makes
// the same workload: FNV-1a over the keys, and over each thread's operations.
func (w workload) check() {
	sum := fnv.New32a()
	for _, key := range w.initialKeys() {
		sum.Write([]byte(key))
	}
	fmt.Println(sum.Sum32())
	for thread := range w.threads {
		sum := fnv.New32a()
		for _, op := range w.operations(thread) {
			sum.Write(binary.LittleEndian.AppendUint32(nil, op))
		}
		fmt.Println(sum.Sum32())
	}
}
