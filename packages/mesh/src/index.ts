/** Service-mesh data planes as subjects: rows of evidence about them. */

export { RowsError, type RowsFault } from './rows/errors.js'
export type { Prices } from './rows/prices.js'
export { publishedRows } from './rows/published.js'
export { METRICS, type MeshRow, type Metric, type MetricId, type RowTag } from './rows/row.js'
export { parseRows, type RowsFile, readRows } from './rows/supplied.js'
export { type Answer, answerOf } from './select/answer.js'
export { parseRequirements, parseWeights, type Question, type Requirement, type Standing } from './select/question.js'
export type { Gap, Outcome, Placed, Ranking, Ruling } from './select/rank.js'
export { type Candidate, type Decision, RowTable, type TableOptions } from './select/table.js'
