import { spread } from '@threadmap/workbench/statistics'
import type { MeshContext, MeshOutcome } from '#mesh/experiments/experiment.js'
import type { MeshRow } from '#mesh/rows/row.js'
import type { Running, Topology } from '#mesh/topology/topology.js'

/** What an experiment told its context. */
export interface Told {
  readonly leftOut: string[]
  readonly kept: { readonly outcome: MeshOutcome; readonly draft: unknown }[]
}

/** A quick context over some subjects of a topology. */
export function contextOf(
  of: Topology,
  running: readonly Running[],
  signal: AbortSignal,
  told: Told = { leftOut: [], kept: [] },
): MeshContext {
  const topology = {
    origin: of.origin,
    identities: of.identities,
    spare: () => of.spare(),
    ports: (count: number) => of.ports(count),
    another: (...args: Parameters<Topology['another']>) => of.another(...args),
    running,
  } as unknown as Topology
  return {
    topology,
    quick: true,
    full: false,
    seed: 1,
    soakHours: 0,
    signal,
    draft: undefined,
    keep: (outcome, draft) => told.kept.push({ outcome, draft }),
    progress: () => {},
    leaveOut: (what, why) => told.leftOut.push(`${what}: ${why}`),
    row: (subject, { value, ...content }): MeshRow => ({
      ...content,
      subject: typeof subject === 'string' ? subject : subject.pair.subject,
      version: '1.0',
      ...(typeof value === 'object' ? { value: spread(value).median, values: value } : { value }),
      tag: 'measured',
      source: 'a test',
      date: '2026-11-27',
    }),
  }
}
