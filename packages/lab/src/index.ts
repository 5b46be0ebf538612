/** The lab's parts, for programs that measure with them rather than through the command `threadmap`. */
export {
  type AdviceLeaf,
  type AdviceNode,
  adviceFrom,
  adviceOf,
  follow,
  type Regret,
  type TreeAdvice,
} from './advice/advice.js'
export { treeMermaid, treeText } from './advice/text.js'
export { CLAIMS, type Claim, type ClaimFinding, type Verdict } from './claims.js'
export {
  type ExperimentRecord,
  type FailedRecord,
  type FinishedRecord,
  finished,
  type RunDocument,
  RunFolder,
  readDocument,
} from './document.js'
export { InterruptedError, LabError, SubjectError, UsageError } from './errors.js'
export { type Evidence, type Machine, machine } from './evidence.js'
export type {
  Axis,
  BarChart,
  Chart,
  Context,
  Experiment,
  HeatMap,
  LineChart,
  Outcome,
  Point,
  Settings,
  Table,
} from './experiment.js'
export { EXPERIMENTS } from './experiments/index.js'
export { type LabOptions, runLab } from './lab/run.js'
export type { Progress } from './progress.js'
export { type Change, type Comparison, compareRuns } from './report/comparison.js'
export { reportPage, writeReport } from './report/report.js'
export { compare, quantile, relativeSpread, type Spread, spread } from './statistics.js'
export { readTraces, type Trace } from './trace/format.js'
export { type Recordable, type RecordOptions, record, stopRecording } from './trace/record.js'
export { type Advice, advise } from './wordcount/advice.js'
export { type Corpus, countReference, type Reference, readCorpus } from './wordcount/corpus.js'
export { evidenceOf, type Result, type Results, resultsOf } from './wordcount/results.js'
export { type Measured, runWordcount, type Wordcount, type WordcountOptions } from './wordcount/run.js'
export type { Subject, Way } from './wordcount/subjects.js'
export type { Trial } from './wordcount/trial.js'
export { eachWord, MAX_WORD_LENGTH, WORD } from './wordcount/words.js'
