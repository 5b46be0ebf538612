package main

import (
	"hash/maphash"
	"sync"
)

// shards of the sharded map: as many as threadmap's have.
const shards = 64

func init() {
	kinds["sync.Map"] = kind{syncMap[float64], syncMap[string]}
	kinds["RWMutex+map"] = kind{rwMutexMap[float64], rwMutexMap[string]}
	kinds["sharded"] = kind{shardedMap[float64], shardedMap[string]}
}

func syncMap[V any](w workload, values []V) func(thread int) step {
	var m sync.Map
	// The keys become interfaces once, not on every call, in favour of sync.Map.
	keys := boxed(w.permanentKeys())
	for i, key := range boxed(w.initialKeys()) {
		m.Store(key, values[i%valueCount])
	}
	return func(thread int) step {
		c := cursor{ops: w.operations(thread)}
		temporary := boxed(w.temporaryKeys(thread))
		return func() (missed int) {
			for range batch {
				op := c.next()
				switch index := op >> 2; op & 3 {
				case opGet:
					value, _ := m.Load(keys[index])
					if _, ok := value.(V); !ok {
						missed++
					}
				case opUpdate:
					m.Store(keys[index], values[c.value()])
				case opInsert:
					m.Store(temporary[index], values[c.value()])
				default:
					m.Delete(temporary[index])
				}
			}
			return missed
		}
	}
}

func boxed(keys []string) []any {
	all := make([]any, len(keys))
	for i, key := range keys {
		all[i] = key
	}
	return all
}

// A lockedMap is a built-in map behind a readers-writer lock. Several of them
// are in one slice, each on cache lines of its own.
type lockedMap[V any] struct {
	mu sync.RWMutex
	m  map[string]V
	_  [64]byte
}

func (l *lockedMap[V]) get(key string) (V, bool) {
	l.mu.RLock()
	value, ok := l.m[key]
	l.mu.RUnlock()
	return value, ok
}

func (l *lockedMap[V]) set(key string, value V) {
	l.mu.Lock()
	l.m[key] = value
	l.mu.Unlock()
}

func (l *lockedMap[V]) remove(key string) {
	l.mu.Lock()
	delete(l.m, key)
	l.mu.Unlock()
}

func rwMutexMap[V any](w workload, values []V) func(thread int) step {
	l := &lockedMap[V]{m: map[string]V{}}
	keys := w.permanentKeys()
	for i, key := range w.initialKeys() {
		l.set(key, values[i%valueCount])
	}
	return func(thread int) step {
		c := cursor{ops: w.operations(thread)}
		temporary := w.temporaryKeys(thread)
		return func() (missed int) {
			for range batch {
				op := c.next()
				switch index := op >> 2; op & 3 {
				case opGet:
					if _, ok := l.get(keys[index]); !ok {
						missed++
					}
				case opUpdate:
					l.set(keys[index], values[c.value()])
				case opInsert:
					l.set(temporary[index], values[c.value()])
				default:
					l.remove(temporary[index])
				}
			}
			return missed
		}
	}
}

func shardedMap[V any](w workload, values []V) func(thread int) step {
	all := make([]lockedMap[V], shards)
	for i := range all {
		all[i].m = map[string]V{}
	}
	seed := maphash.MakeSeed()
	of := func(key string) *lockedMap[V] { return &all[maphash.String(seed, key)%shards] }
	keys := w.permanentKeys()
	for i, key := range w.initialKeys() {
		of(key).set(key, values[i%valueCount])
	}
	return func(thread int) step {
		c := cursor{ops: w.operations(thread)}
		temporary := w.temporaryKeys(thread)
		return func() (missed int) {
			for range batch {
				op := c.next()
				switch index := op >> 2; op & 3 {
				case opGet:
					if _, ok := of(keys[index]).get(keys[index]); !ok {
						missed++
					}
				case opUpdate:
					of(keys[index]).set(keys[index], values[c.value()])
				case opInsert:
					of(temporary[index]).set(temporary[index], values[c.value()])
				default:
					of(temporary[index]).remove(temporary[index])
				}
			}
			return missed
		}
	}
}
