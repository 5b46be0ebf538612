/** Small programs, right and wrong, and what the guard is to say of each. They run on every runtime. */
import { FastMap, f64, string } from 'threadmap'
import { type GuardReport, guard, separate } from 'threadmap/guard'
import { faultyCases } from './faulty-cases.js'
import type { Case, Counts } from './programs.js'
import { soundCases } from './sound-cases.js'

export const cases: readonly Case[] = [...faultyCases, ...soundCases]

/** Runs one of the cases on a plain map, or on another that has the same methods. */
export async function reportsOf({ run, options }: Case, map: Counts = new Map()): Promise<GuardReport[]> {
  const reports: GuardReport[] = []
  const watched = guard(map, { ...options, name: 'counts', onReport: report => reports.push(report) })
  await separate(() => run(watched))
  return reports
}

/** One of the library's maps, for the cases that don't rely on insertion order. */
export const shared = (): FastMap<string, number> => new FastMap({ key: string, value: f64 })
