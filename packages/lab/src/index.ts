/**
 * The public parts of the lab: run experiments, read and compare runs, ask for advice, draw reports, record a map's
 * traffic. Threads, workloads, statistics and charts are in `@threadmap/workbench`.
 */
export {
  InterruptedError,
  SubjectError,
  UsageError,
  WorkbenchError,
} from '@threadmap/workbench/errors'
export type { Evidence, Machine } from '@threadmap/workbench/evidence'
export type {
  BeliefFinding,
  Chart,
  Context,
  Experiment,
  Outcome,
  Settings,
  Table,
  Verdict,
} from '@threadmap/workbench/experiment'
export type { Progress } from '@threadmap/workbench/progress'
export { treeMermaid, treeText } from './advice/text.js'
export { type AdviceLeaf, type AdviceNode, adviceOf, follow, type Regret, type TreeAdvice } from './advice/tree.js'
export {
  type ExperimentRecord,
  type FailedRecord,
  type FinishedRecord,
  finished,
  type RunDocument,
  readDocument,
} from './document.js'
export { EXPERIMENTS } from './experiments/index.js'
export { type Belief, FOLKLORE } from './folklore.js'
export { type LabOptions, runLab } from './lab/run.js'
export type { Change } from './report/change.js'
export { type Comparison, compareRuns } from './report/comparison.js'
export { reportPage, writeReport } from './report/report.js'
export { RunFolder } from './run-folder.js'
export { readTraces, type Trace } from './trace/format.js'
export { type Recordable, type RecordOptions, record, stopRecording } from './trace/record.js'
