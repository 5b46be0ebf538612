//go:build xsync

// The one map that is no part of Go's own library. It is built in on demand, so
// that a build without it downloads nothing.
package main

import "github.com/puzpuzpuz/xsync/v4"

func init() {
	kinds["xsync.Map"] = kind{xsyncMap[float64], xsyncMap[string]}
}

func xsyncMap[V any](w workload, values []V) func(thread int) step {
	keys := w.permanentKeys()
	m := xsync.NewMap[string, V](xsync.WithPresize(len(keys)))
	for i, key := range w.initialKeys() {
		m.Store(key, values[i%valueCount])
	}
	return func(thread int) step {
		c := cursor{ops: w.operations(thread)}
		temporary := w.temporaryKeys(thread)
		return func() (missed int) {
			for range batch {
				op := c.next()
				switch index := op >> 2; op & 3 {
				case opGet:
					if _, ok := m.Load(keys[index]); !ok {
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
