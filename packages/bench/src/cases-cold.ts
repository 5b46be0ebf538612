/** Fresh processes: what a program pays before its first map, and what of it is files, compiling and memory. */
import type { Case, SubjectSpec } from './case.js'
import type { ColdJob } from './jobs.js'

function subject(label: string, job: Omit<ColdJob, 'program'>): SubjectSpec {
  return { label, job: { program: 'cold', ...job } }
}

export function coldCases(): Case[] {
  return [
    {
      name: 'cold/start',
      unit: 'ms',
      subjects: [
        subject('import, first map, first set', { subject: 'threadmap', part: 'all' }),
        subject('import (files)', { subject: 'threadmap', part: 'import' }),
        subject('first map (compiling, memory)', { subject: 'threadmap', part: 'create' }),
        subject('first set', { subject: 'threadmap', part: 'set' }),
        subject('lru-cache: import, first cache, first set', { subject: 'lru-cache', part: 'all' }),
        subject('a whole process', { subject: 'threadmap', part: 'process' }),
        subject('a whole process with lru-cache', { subject: 'lru-cache', part: 'process' }),
        subject('an empty process', { subject: 'nothing', part: 'process' }),
      ],
      comparisons: [
        {
          what: 'cold start: import, first map and its first set',
          of: 'import, first map, first set',
          target: { atMost: 18 },
        },
        { what: 'cold start of lru-cache', of: 'lru-cache: import, first cache, first set' },
        { what: 'a process with a first map', of: 'a whole process', against: 'an empty process' },
      ],
    },
  ]
}
