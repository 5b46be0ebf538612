/** Service-mesh data planes as subjects: rows of evidence about them. */
export { METRICS, type MeshRow, type Metric, type MetricId, type RowTag } from './rows/row.js'
