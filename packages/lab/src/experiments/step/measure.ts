import type { Context } from '@threadmap/workbench/experiment'
import { HttpTarget } from '@threadmap/workbench/load/http-target'
import { findKnees, type Knees } from '@threadmap/workbench/load/knee/knees'
import { stepLoad } from '@threadmap/workbench/load/knee/step-load'
import type { Target } from '@threadmap/workbench/load/target'
import { SAFE_KINDS } from '@threadmap/workbench/subjects/maps'
import type { MapKind } from 'threadmap'
import type { HotCode } from '../../probe/layout.js'
import { type Asked, PLANTS, type PlantName } from './flags.js'
import { attributeForeign } from './foreign/attribution.js'
import { ForeignServer } from './foreign/watch.js'
import { type Attribution, attribute, LOOP_FULL } from './knee/attribution.js'
import { foreignServer } from './load/foreign.js'
import { MapInProcess } from './process/map-in-process.js'
import type { ForeignThread, Resources, Step } from './series.js'
import { orderTarget } from './server/target.js'

export type TargetType = 'in process' | 'order API' | 'foreign'

/** One target with all its measurements, as the run document keeps them (`StepDetails`). */
export interface Series {
  readonly name: string
  readonly type: TargetType
  readonly workers: number
  readonly planted: PlantName | null
  /** Requests per second of one client. */
  readonly ratePerClient: number
  /** Whether the lab chose that rate, so that the last step offers `OVERLOAD` times the ceiling. The knee in clients then follows from that. */
  readonly isRateChosen: boolean
  readonly closed: readonly Step[]
  readonly steps: readonly Step[]
  readonly knees: Knees
  /** Null: no knee was reached. */
  readonly attribution: Attribution | null
  /** The code in which the busiest thread of a server with a probe spends its time, beyond the knee. */
  readonly hot?: readonly HotCode[]
}

interface Plan {
  readonly name: string
  readonly type: TargetType
  readonly planted?: PlantName | undefined
  readonly ms: number
  readonly warmUpMs: number
  /** Clients of each closed loop; the best loop is the ceiling. */
  readonly closed: readonly number[]
  readonly closedMs: number
  open(): Promise<Target<Resources>>
  /** The code in which a thread of the server spends its time, where that can be seen. */
  profile?(thread: ForeignThread): Promise<readonly HotCode[]>
}

/** Clients of the closed loops: 1 for the time of one request, 8 and 64 for the ceiling of throughput. */
const CLOSED_CLIENTS: readonly number[] = [1, 8, 64]

const EFFORT = {
  quick: { http: { ms: 750, warmUpMs: 100, closedMs: 250 }, inProcess: { ms: 180, warmUpMs: 20, closedMs: 100 } },
  full: { http: { ms: 5000, warmUpMs: 500, closedMs: 1500 }, inProcess: { ms: 900, warmUpMs: 100, closedMs: 500 } },
}

/** The causes that the folklore names. They are planted because the order API itself has no pool and no hot shard. */
const FULL_PLANTS: readonly PlantName[] = ['pool', 'shard']
const PLANTED_MS = 3000

/** The second map in quick mode: the one with the coarsest lock. */
const QUICK_SECOND: MapKind = 'RWMutexMap'

export async function measureAll(context: Context, options: Asked, cores: number): Promise<Series[]> {
  const plans = await plansFor(context, options)
  const costs = plans.map(
    plan => (plan.ms + plan.warmUpMs) * options.clients.length + plan.closedMs * plan.closed.length,
  )
  const total = costs.reduce((sum, cost) => sum + cost, 0)
  const found: Series[] = []
  for (const [at, plan] of plans.entries()) {
    const before = costs.slice(0, at).reduce((sum, cost) => sum + cost, 0)
    const progress = (share: number, doing: string) =>
      context.progress((before + share * costs[at]) / total, `${plan.name}, ${doing}`)
    found.push(await measureOne(plan, context, options, cores, progress))
  }
  return found
}

async function plansFor({ quick, workers, signal }: Context, options: Asked): Promise<Plan[]> {
  const { http, inProcess } = EFFORT[quick ? 'quick' : 'full']
  const { target, allowRemote, kind, generators, stepSeconds } = options
  const length = (effort: typeof http) => (stepSeconds === undefined ? effort : { ...effort, ms: stepSeconds * 1000 })
  if (target !== undefined) {
    const foreign = await foreignServer(target, allowRemote)
    const { destination, request, remote, url } = foreign
    const about = { name: url, destinations: [destination], requests: [request], generators, signal }
    const closed = remote ? [] : CLOSED_CLIENTS
    const server = await ForeignServer.find(foreign)
    return [
      {
        name: url,
        type: 'foreign',
        closed,
        ...length(http),
        open: () => HttpTarget.start({ ...about, server }),
        profile: thread => server.profile(thread, PROFILE_MS),
      },
    ]
  }
  const api = (plant?: PlantName, effort = length(http)): Plan => {
    const name = `order API on ${kind}${plant === undefined ? '' : `, planted ${plant}`}`
    // Three workers surely contend for one lock; a pool or a blocked event loop belongs to one worker.
    const planted = plant === undefined ? undefined : PLANTS[plant]
    const threads = planted === undefined ? workers : planted.what === 'lock' ? Math.max(3, workers) : 1
    return {
      name,
      type: 'order API',
      planted: plant,
      closed: CLOSED_CLIENTS,
      ...effort,
      open: () => orderTarget({ kind, workers: threads, planted, signal }, generators, name),
    }
  }
  if (options.planted !== undefined) return [api(options.planted)]
  const kinds = quick ? [...new Set([kind, QUICK_SECOND])] : SAFE_KINDS
  const maps = kinds.map(
    (each): Plan => ({
      name: `${each} in process`,
      type: 'in process',
      closed: [workers],
      ...length(inProcess),
      open: () => MapInProcess.start(each, workers, signal),
    }),
  )
  // The effect of a planted cause shows within seconds.
  return [...maps, api(), ...(quick ? [] : FULL_PLANTS.map(plant => api(plant, { ...length(http), ms: PLANTED_MS })))]
}

/** Length of the step in which the code of a busy thread is looked at. */
const PROFILE_MS = 1500

function busiestLoop({ resources }: Step): ForeignThread | undefined {
  const loops = resources.inner?.threads.filter(({ isLoop }) => isLoop) ?? []
  return loops.reduce<ForeignThread | undefined>(
    (most, each) => ((each.active ?? 0) > (most?.active ?? -1) ? each : most),
    undefined,
  )
}

async function measureOne(
  plan: Plan,
  { seed, signal }: Context,
  { clients, rate, objective }: Asked,
  cores: number,
  progress: (share: number, doing: string) => void,
): Promise<Series> {
  progress(0, 'starting')
  const target = await plan.open()
  try {
    const { ms, warmUpMs, closedMs } = plan
    const load = { ms, warmUpMs, closedMs, closed: plan.closed, clients, ratePerClient: rate, seed, signal, progress }
    const { closed, ratePerClient, steps } = await stepLoad(target, load)
    const knees = findKnees(steps, objective, seed)
    const { beyond } = knees
    const alone = closed.find(step => step.clients === 1)?.latency.p50
    const attribution =
      beyond === null
        ? null
        : plan.type === 'foreign'
          ? attributeForeign(steps, beyond, cores, alone === undefined ? null : alone / 1000)
          : attribute(steps, beyond, cores)
    let hot: readonly HotCode[] = []
    if (beyond !== null && plan.profile !== undefined) {
      const busiest = busiestLoop(steps[beyond])
      if (busiest !== undefined && (busiest.active ?? 0) >= LOOP_FULL) {
        progress(1, 'looking at the code of the busiest thread')
        const load = { clients: clients[beyond], rate: clients[beyond] * ratePerClient, warmUpMs: 0, seed }
        const loaded = target.step({ ...load, ms: 2 * PROFILE_MS })
        const [found] = await Promise.all([plan.profile(busiest), loaded])
        hot = found
      }
    }
    return {
      name: plan.name,
      type: plan.type,
      workers: target.workers,
      planted: plan.planted ?? null,
      ratePerClient,
      isRateChosen: rate === undefined,
      closed,
      steps,
      knees,
      attribution,
      hot,
    }
  } finally {
    await target.stop()
  }
}
