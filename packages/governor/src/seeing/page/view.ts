/** What the page shows of one snapshot. The server makes it, for the first look and for each update, so it works without a script too. */
import type { GovernorSnapshot, HotKey, MapSnapshot, ShardSnapshot, Transition } from '../../snapshot.js'
import {
  age,
  count,
  duration,
  heats,
  LEVELS,
  percent,
  perSecond,
  shardSentence,
  timeOfDay,
  timesOfAll,
  transitionText,
  verdict,
  worstFirst,
} from '../figures.js'
import { type Html, html } from './html.js'

/** The most cells of the heat map: 4,096 would be a page of their own, and 1.5 MB for each update. */
const MOST_CELLS = 256
/** The rows of the table of shards, unless more shards than that are not normal. */
const ROWS = 12
const MOST_ROWS = 64
const MOST_TRANSITIONS = 32

/** The content of the page's `main`. */
export function view(snapshot: GovernorSnapshot): Html {
  return html`${summary(snapshot)}${heatMap(snapshot)}${shardTable(snapshot)}${keyTable(snapshot)}${mapTable(snapshot)}${transitionLog(snapshot)}`
}

function summary(snapshot: GovernorSnapshot): Html {
  const { all, objective, threads, uptime } = snapshot
  return html`<p class="verdict">${verdict(snapshot)}</p>
<section aria-labelledby="all-heading"><h2 id="all-heading">All shards together</h2><dl>
${fact('P99, last minute', duration(all.p99), `objective ${duration(objective.p99)}`)}
${fact('P50, last minute', duration(all.p50), `P90 ${duration(all.p90)}, longest ${duration(all.max)}`)}
${fact('Operations', perSecond(all.rate), `${count(all.inFlight)} in flight`)}
${fact('Errors, last 10 s', percent(all.errorShare), `${count(all.errors)} since the start`)}
${fact('Refused', count(all.refused), `${count(all.queued)} had to wait`)}
${fact('Answered otherwise', count(all.copies + all.joined + all.degraded + all.rerouted), `${count(all.copies)} copies, ${count(all.joined)} joined, ${count(all.rerouted)} rerouted, ${count(all.degraded)} degraded`)}
${fact('Threads', count(threads), `governed for ${age(uptime)}`)}
</dl></section>`
}

function fact(name: string, value: string, more: string): Html {
  return html`<div><dt>${name}</dt><dd>${value}<small>${more}</small></dd></div>`
}

function heatMap(snapshot: GovernorSnapshot): Html {
  const { shards, at } = snapshot
  const heat = heats(shards)
  const chosen = shards.length <= MOST_CELLS ? shards.map((_, place) => place) : hottest(shards)
  const which = shards.length <= MOST_CELLS ? '' : ` Shown are the ${MOST_CELLS} hottest of ${count(shards.length)}.`
  const cells = chosen.map(place => {
    const shard = shards[place]
    const isOnHot = heat[place] > 0.62
    const kind = [isOnHot ? 'on-hot' : '', shard.level > 0 || shard.hot ? 'acted' : ''].filter(Boolean).join(' ')
    const mark =
      shard.level > 0 ? html`<b>L${shard.level}</b>` : shard.hot ? html`<b>hot</b>` : html`<span>${brief(shard)}</span>`
    const text = cellText(shard, at)
    return html`<li data-key="${shard.shard}" class="${kind}" style="--share:${(heat[place] * 100).toFixed(0)}%" data-read="${text}"><span aria-hidden="true">${shard.shard}</span><span class="hidden">${text}</span><span aria-hidden="true">${mark}</span></li>`
  })
  return html`<section aria-labelledby="heat-heading"><h2 id="heat-heading">Heat of the shards</h2>
<ol class="heat" tabindex="0" aria-labelledby="heat-heading" aria-describedby="heat-key">${cells}</ol>
<p class="readout" id="readout" role="status"></p>
<p class="key-line" id="heat-key">Each cell has the number of the shard and its P99 of 10 s, in ms. Colour: P99 × rate beside the median shard, red from 16 times on. Framed: hot, or at level L1 limited, L2 isolated, L3 degraded.${which} Arrow keys read the cells.</p></section>`
}

/** The places of the hottest shards, in the order of their numbers, with all that are not normal. */
function hottest(shards: readonly ShardSnapshot[]): number[] {
  return worstFirst(shards)
    .slice(0, MOST_CELLS)
    .sort((a, b) => a - b)
}

function cellText(shard: ShardSnapshot, at: number): string {
  const state = shardSentence(shard, at)
  return `${state} P99 ${duration(shard.p99Short)} in 10 s, ${perSecond(shard.rate)}, ${percent(shard.errorShare)} errors`
}

/** The P99 without a space, for a narrow cell. */
function brief({ p99Short }: ShardSnapshot): string {
  return duration(p99Short).replace(' ms', '').replace(' s', 's')
}

function shardTable({ shards, all, at }: GovernorSnapshot): Html {
  const order = worstFirst(shards)
  const acted = order.filter(place => shards[place].level > 0 || shards[place].hot).length
  const shown = order.slice(0, Math.min(MOST_ROWS, Math.max(ROWS, acted)))
  const rows = shown.map(place => shardRow(shards[place], all, at))
  const caption = shards.length <= shown.length ? 'All shards' : `${shown.length} of ${count(shards.length)} shards`
  return html`<section aria-labelledby="shards-heading"><h2 id="shards-heading">Shards, the worst first</h2>
<p class="about">${caption}. “× all” compares the P99 of the last minute with that of all shards.</p>
<div class="scroll" role="region" tabindex="0" aria-labelledby="shards-heading"><table><caption class="hidden">${caption}</caption>
<thead><tr><th scope="col">Shard</th><th scope="col">State</th>${['P99 10 s', '1 min', '5 min', '× all', 'Rate', 'Errors', 'In flight', 'Refused', 'Rerouted', 'Copies', 'Joined', 'Degraded'].map(name => html`<th scope="col" class="figure">${name}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table></div></section>`
}

function shardRow(shard: ShardSnapshot, all: GovernorSnapshot['all'], at: number): Html {
  const figures = [
    duration(shard.p99Short),
    duration(shard.p99),
    duration(shard.p99Long),
    timesOfAll(shard, all),
    perSecond(shard.rate),
    percent(shard.errorShare),
    count(shard.inFlight),
    count(shard.refused),
    count(shard.rerouted),
    count(shard.copies),
    count(shard.joined),
    count(shard.degraded),
  ]
  const notes = [
    shard.hot ? 'hot' : '',
    shard.cause ?? '',
    shard.hotSince === undefined ? '' : `for ${age(at - shard.hotSince)}`,
    shard.pinned ? 'pinned' : '',
    shard.limit === undefined ? '' : `at most ${perSecond(shard.limit)}`,
    shard.concurrency === undefined ? '' : `${count(shard.concurrency)} at once`,
  ].filter(note => note !== '')
  return html`<tr data-key="${shard.shard}"><th scope="row">${shard.shard}</th><td class="state"><span class="l${shard.level}">${LEVELS[shard.level]}</span>${notes.length === 0 ? undefined : html`<small>${notes.join(', ')}</small>`}</td>${figures.map(text => html`<td class="figure">${text}</td>`)}</tr>`
}

function keyTable({ topKeys }: GovernorSnapshot): Html {
  const content =
    topKeys.length === 0
      ? html`<p class="none">No key has been counted often enough yet.</p>`
      : html`<p class="about">Estimates from samples; what has gone cold is forgotten.</p><div class="scroll" role="region" tabindex="0" aria-labelledby="keys-heading"><table><caption class="hidden">The most frequent keys</caption>
<thead><tr><th scope="col">Key</th><th scope="col" class="figure">Shard</th><th scope="col" class="figure">Of all</th><th scope="col" class="figure">Of its shard</th><th scope="col" class="figure">Count</th></tr></thead>
<tbody>${topKeys.map(keyRow)}</tbody></table></div>`
  return html`<section aria-labelledby="keys-heading"><h2 id="keys-heading">Hot keys</h2>${content}</section>`
}

/** The most characters of a key that the page shows: keys can be long, and the page has twenty of them. */
const MOST_OF_KEY = 160

function shown(key: string): string {
  const characters = [...key]
  if (characters.length <= MOST_OF_KEY) return key
  return `${characters.slice(0, MOST_OF_KEY).join('')}… (${characters.length} characters)`
}

function keyRow({ key, shard, count: seen, share, shareOfShard }: HotKey): Html {
  return html`<tr><td class="key">${shown(key)}</td><td class="figure">${shard}</td><td class="figure"><span class="share" style="--share:${(share * 100).toFixed(1)}%" aria-hidden="true"></span>${percent(share)}</td><td class="figure">${percent(shareOfShard)}</td><td class="figure">${count(seen)}</td></tr>`
}

/** The most keys of a map in its row. */
const KEYS_OF_MAP = 3

function mapTable({ maps }: GovernorSnapshot): Html | undefined {
  if (maps.length === 0) return undefined
  return html`<section aria-labelledby="maps-heading"><h2 id="maps-heading">Maps</h2>
<div class="scroll" role="region" tabindex="0" aria-labelledby="maps-heading"><table><caption class="hidden">The maps that are watched</caption>
<thead><tr><th scope="col">Map</th>${['Entries', 'Reads', 'Lock waits', 'Waited'].map(name => html`<th scope="col" class="figure">${name}</th>`)}<th scope="col">Keys that are read most</th></tr></thead>
<tbody>${maps.map(mapRow)}</tbody></table></div></section>`
}

function mapRow({ name, entries, reads, shards, topKeys }: MapSnapshot): Html {
  const waits = shards.reduce((sum, { lockWaits }) => sum + lockWaits, 0)
  const waited = shards.reduce((sum, { lockWaitMs }) => sum + lockWaitMs, 0)
  const keys = topKeys.slice(0, KEYS_OF_MAP).map(({ key, share }) => `${shown(key)} (${percent(share)})`)
  return html`<tr data-key="${name}"><th scope="row">${name}</th>${[count(entries), perSecond(reads), count(waits), duration(waited)].map(text => html`<td class="figure">${text}</td>`)}<td class="key">${keys.length === 0 ? '–' : keys.join(', ')}</td></tr>`
}

function transitionLog({ transitions }: GovernorSnapshot): Html {
  // The newest first. Only the script adds to it later, and a screen reader then says the new lines.
  const newest = transitions.slice(-MOST_TRANSITIONS).reverse()
  return html`<section aria-labelledby="log-heading"><h2 id="log-heading">Transitions</h2>${
    newest.length === 0 ? html`<p class="none">No level has changed.</p>` : undefined
  }<div class="log" role="log" aria-live="polite" aria-relevant="additions" aria-labelledby="log-heading"><ol>${newest.map(transitionItem)}</ol></div></section>`
}

function transitionItem(transition: Transition): Html {
  const { at, shard, from, to, reason, figures } = transition
  return html`<li data-key="${`${at} ${shard} ${from} ${to}`}"><time datetime="${new Date(at).toISOString()}">${timeOfDay(at)}</time> <span class="l${to}">${transitionText(transition)}</span> <small>${reason} P99 ${duration(figures.p99)}, others ${duration(figures.others)}, ${perSecond(figures.rate)}, ${percent(figures.errorShare)} errors</small></li>`
}
