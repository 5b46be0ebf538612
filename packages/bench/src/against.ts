/**
 * `--against DIR`: measures each case with another build of the library beside this one, their rounds alternating. On a machine
 * whose speed changes from minute to minute, figures of two builds can be compared only if both come from one run.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Case, SubjectSpec } from './case.js'

/** Appended to a subject's label where the other build runs it. */
const BEFORE = ' before'

/** Thrown for a `--against` that leads nowhere. */
export class NoSuchBuild extends Error {
  override name = 'NoSuchBuild'
}

/** Node's arguments that make a process, and its workers, load the library of the checkout at `dir`. */
export function argumentsFor(dir: string): string[] {
  const root = path.resolve(dir, 'packages/threadmap')
  if (!existsSync(path.join(root, 'dist/index.js'))) {
    throw new NoSuchBuild(`--against ${dir}: there is no build of threadmap in ${root}; run npm run build there`)
  }
  const hooks = `data:text/javascript,${encodeURIComponent(redirection(pathToFileURL(`${root}/`).href))}`
  const start = `import { register } from 'node:module'; register(${JSON.stringify(hooks)})`
  return ['--import', `data:text/javascript,${encodeURIComponent(start)}`]
}

/** A resolve hook, as text. A module that the other build lacks comes from this build. */
function redirection(root: string): string {
  return `
    import { existsSync } from 'node:fs'
    import { fileURLToPath } from 'node:url'
    export async function resolve(specifier, context, next) {
      const part = /^threadmap(?:\\/(\\w+))?$/.exec(specifier)
      const url = part && new URL('dist/' + (part[1] ?? 'index') + '.js', ${JSON.stringify(root)})
      return url && existsSync(fileURLToPath(url)) ? { url: url.href, shortCircuit: true } : next(specifier, context)
    }`
}

/** The cases with this library's subjects only, each of them once with the other build (before) and once with this one (after). */
export function beforeAndAfter(cases: readonly Case[], dir: string): Case[] {
  const execArgv = argumentsFor(dir)
  return cases.flatMap(one => {
    const ours = one.subjects.filter(({ job }) => usesLibrary(job))
    if (ours.length === 0) return []
    return {
      ...one,
      subjects: ours.flatMap((subject): SubjectSpec[] => [
        { ...subject, label: subject.label + BEFORE, execArgv },
        subject,
      ]),
      comparisons: ours.map(({ label }) => ({
        what: `${one.name} ${label}, after over before (${one.unit})`,
        of: label,
        against: label + BEFORE,
      })),
    }
  })
}

/** Whether a subject is one of the maps of this library. */
function usesLibrary(job: SubjectSpec['job']): boolean {
  // The hook that loads the other library would be most of what a first map takes.
  if (job.program === 'go' || job.program === 'cold') return false
  return !('subject' in job) || (job.subject !== 'Map' && job.subject !== 'sharedmap')
}
