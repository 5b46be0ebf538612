/** Folklore about concurrent maps: numbered beliefs. Experiments say which of them this machine confirms. */
export interface Belief {
  readonly id: number
  readonly title: string
  /** The belief, with the figures that circulate with it. */
  readonly stated: string
}

export const FOLKLORE: readonly Belief[] = [
  {
    id: 1,
    title: 'Unsynchronised writes are noticed at once',
    stated: '10 threads of 1,000 writes each crash within milliseconds',
  },
  {
    id: 2,
    title: 'sync.Map promotes when misses reach the length of dirty',
    stated: 'promotion when misses >= len(dirty)',
  },
  {
    id: 3,
    title: 'Promotion copies every entry and allocates for each',
    stated: '10k entries make 10k objects or more; elsewhere: the threshold is len(dirty) / len(read) > 4',
  },
  {
    id: 4,
    title: 'High write rates make misses, and with them collector pauses, explode',
    stated: 'above 5k writes/s misses go from 5/s to 1,800/s and the added pause from 12 to 217 us (18 times)',
  },
  {
    id: 5,
    title: 'Throughput stops growing at a knee, where latency and errors jump',
    stated:
      'clients: transactions/s, P95, success: 200: 1842, 42 ms, 99.98%; 400: 2105, 68, 99.92%; 600: 2110, 143, 97.3%; ' +
      '800: 1920, 312, 86.1%; the knee is at 600',
  },
  {
    id: 6,
    title: 'The cause of the knee was the connection pool',
    stated: 'full pool, then blocked threads, then a queue of requests, then latency',
  },
  {
    id: 7,
    title: 'Exponential back-off helps a contended getOrInsert',
    stated: '2 retries from 1 us at low rates; 4 retries from 500 ns above 50k/s',
  },
  { id: 8, title: 'A RWMutex behind a Mutex interface costs readers nothing', stated: 'no loss at all' },
  {
    id: 9,
    title: 'The order of fields changes the size of a struct',
    stated: '{i64, i32, i64} takes 24 bytes and {i64, i64, i32} 20',
  },
  {
    id: 10,
    title: 'Two hot words on one cache line cost dearly',
    stated: '12.4 M writes/s against 89.7 (7.2 times), L1 misses 38% against 2.1%',
  },
  {
    id: 11,
    title: 'Mixed loads split the lifetimes of objects',
    stated: '62% short, 28% between 50 and 5,000 ms, 10% longer; objects are tenured after 7 collections, not 15',
  },
  {
    id: 12,
    title: 'On short keys FNV-1a clusters and xxHash does not',
    stated:
      '100k keys of at most 16 bytes on 64 shards: collisions 842 against 17, longest 12 against 3, 3.2 against 2.8 ms',
  },
  {
    id: 13,
    title: 'Finer shards lower the latency of remote memory',
    stated: '8, 64, 256 shards: 218, 176, 152 ns remote; local to remote 1:3.2, 1:2.6, 1:2.1',
  },
  {
    id: 14,
    title: 'The share of payload in memory rises as metadata is amortised',
    stated: 'total = metadata (per segment, per field, per term) + payload (per document), linear in each',
  },
  {
    id: 15,
    title: 'A single hot shard drives P99',
    stated: 'a shard with 3 times the P99 of all for 30 s is the cause; limit it, then isolate it, then degrade',
  },
  {
    id: 16,
    title: 'Choose by workload',
    stated:
      'RWMutex for read-mostly configuration, sync.Map for read-heavy keys that live long, shards for the highest write rates',
  },
]
